// A fault that cannot be taken becomes a hard fault (Arm DDI 0403, section B1.5.14).
//
// Renode's interrupt controller makes memory, bus and usage faults pending like interrupts. Where
// those are masked, as while our firmware waits, the core would execute the faulty instruction
// again and again. So this looks, twice a millisecond: a core that has noted a fault and runs no
// handler gets a hard fault, whose stacked registers are still those of that place.
using Antmicro.Renode.Core;
using Antmicro.Renode.Peripherals.CPU;
using Antmicro.Renode.Peripherals.IRQControllers;
using Antmicro.Renode.Peripherals.Timers;
using Antmicro.Renode.Time;

namespace Antmicro.Renode.Peripherals.Miscellaneous
{
    public class FaultEscalation : IPeripheral
    {
        public FaultEscalation(IMachine machine, CortexM cpu, NVIC nvic)
        {
            this.cpu = cpu;
            this.nvic = nvic;
            var timer = new LimitTimer(
                machine.ClockSource, LooksPerSecond, this, "look",
                limit: 1, enabled: true, eventEnabled: true);
            timer.LimitReached += Look;
        }

        public void Reset()
        {
            // Nothing is remembered.
        }

        private void Look()
        {
            var isInHandler = (cpu.XProgramStatusRegister & ExceptionNumber) != 0;
            if(cpu.FaultStatus != 0 && !isInHandler)
            {
                nvic.SetPendingIRQ(HardFault);
            }
        }

        private readonly CortexM cpu;
        private readonly NVIC nvic;

        private const ulong LooksPerSecond = 2000;
        private const uint ExceptionNumber = 0x1FF;
        private const int HardFault = 3;
    }
}
