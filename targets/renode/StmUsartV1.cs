// The USART of STM32F4: flags that are cleared by reading (RM0090 section 30.6).
using Antmicro.Renode.Core;
using Antmicro.Renode.Peripherals.Bus;

namespace Antmicro.Renode.Peripherals.UART
{
    [AllowedTranslations(AllowedTranslation.ByteToDoubleWord | AllowedTranslation.WordToDoubleWord)]
    public class StmUsartV1 : StmUsart
    {
        public StmUsartV1(IMachine machine) : base(machine)
        {
        }

        public override void Reset()
        {
            control1 = control2 = control3 = divider = 0;
            base.Reset();
        }

        public override uint ReadDoubleWord(long offset)
        {
            switch(offset)
            {
            case Status:
                return TransmitterFlags |
                    (IsFull ? Rxne : 0) | (IsIdle ? Idle : 0) | (Overrun ? Ore : 0);
            case Data:
                // Reading the status and then this clears both; nobody reads this alone but DMA,
                // which leaves them set.
                if(!IsDmaEnabled || !IsFull)
                {
                    IsIdle = false;
                    Overrun = false;
                }
                return Take();
            case Divider:
                return divider;
            case Control1:
                return control1;
            case Control2:
                return control2;
            case Control3:
                return control3;
            default:
                return 0;
            }
        }

        public override void WriteDoubleWord(long offset, uint value)
        {
            switch(offset)
            {
            case Data:
                if((control1 & (Ue | Te)) == (Ue | Te))
                {
                    Send((byte)value);
                }
                break;
            case Divider:
                divider = value;
                break;
            case Control1:
                control1 = value;
                break;
            case Control2:
                control2 = value;
                break;
            case Control3:
                control3 = value;
                break;
            }
            Update();
        }

        protected override bool IsReceiving => (control1 & (Ue | Re)) == (Ue | Re);

        protected override bool IsDmaEnabled => (control3 & Dmar) != 0;

        protected override bool IsInterrupting =>
            ((control1 & Rxneie) != 0 && (IsFull || Overrun)) ||
            ((control1 & Idleie) != 0 && IsIdle) ||
            ((control1 & (Tcie | Txeie)) != 0) ||
            ((control3 & Eie) != 0 && IsDmaEnabled && Overrun);

        private uint control1;
        private uint control2;
        private uint control3;
        private uint divider;

        private const long Status = 0x00;
        private const long Data = 0x04;
        private const long Divider = 0x08;
        private const long Control1 = 0x0C;
        private const long Control2 = 0x10;
        private const long Control3 = 0x14;

        private const uint TransmitterFlags = 0xC0; // TXE and TC: always done
        private const uint Rxne = 1 << 5;
        private const uint Idle = 1 << 4;
        private const uint Ore = 1 << 3;

        private const uint Ue = 1 << 13;
        private const uint Txeie = 1 << 7;
        private const uint Tcie = 1 << 6;
        private const uint Rxneie = 1 << 5;
        private const uint Idleie = 1 << 4;
        private const uint Te = 1 << 3;
        private const uint Re = 1 << 2;
        private const uint Dmar = 1 << 6;
        private const uint Eie = 1 << 0;
    }
}
