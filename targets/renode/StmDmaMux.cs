// The DMAMUX of STM32L4+ and H7: which peripheral's request a DMA channel gets
// (RM0432 section 12.6, RM0433 section 17.6). Input n is request n, output n is channel n; without
// synchronisation, events and request generators.
using System.Collections.Generic;
using System.Linq;

using Antmicro.Renode.Core;
using Antmicro.Renode.Peripherals.Bus;

namespace Antmicro.Renode.Peripherals.DMA
{
    public class StmDmaMux : IDoubleWordPeripheral, IKnownSize, IGPIOReceiver, INumberedGPIOOutput
    {
        public StmDmaMux(IMachine machine, int channels)
        {
            chosen = new uint[channels];
            Connections = Enumerable.Range(0, channels)
                .ToDictionary(channel => channel, _ => (IGPIO)new GPIO());
        }

        public void Reset()
        {
            for(var channel = 0; channel < chosen.Length; channel++)
            {
                chosen[channel] = 0;
                Update(channel);
            }
        }

        public void OnGPIO(int number, bool value)
        {
            levels[number] = value;
            for(var channel = 0; channel < chosen.Length; channel++)
            {
                if(chosen[channel] == number)
                {
                    Update(channel);
                }
            }
        }

        public uint ReadDoubleWord(long offset)
        {
            return offset / 4 < chosen.Length ? chosen[offset / 4] : 0;
        }

        public void WriteDoubleWord(long offset, uint value)
        {
            if(offset / 4 < chosen.Length)
            {
                chosen[offset / 4] = value & RequestId;
                Update((int)offset / 4);
            }
        }

        public long Size => 0x400;

        public IReadOnlyDictionary<int, IGPIO> Connections { get; }

        private void Update(int channel)
        {
            // Request zero is no request.
            Connections[channel].Set(chosen[channel] != 0 && levels[chosen[channel]]);
        }

        private readonly uint[] chosen;
        private readonly bool[] levels = new bool[RequestId + 1];

        private const uint RequestId = 0x7F;
    }
}
