// The USART and LPUART of STM32F7, H7 and L4+: flags have a register to clear them by
// (RM0385 section 31.8, RM0433 section 48.7, RM0432 sections 50.8 and 51.7).
using Antmicro.Renode.Core;
using Antmicro.Renode.Peripherals.Bus;

namespace Antmicro.Renode.Peripherals.UART
{
    [AllowedTranslations(AllowedTranslation.ByteToDoubleWord | AllowedTranslation.WordToDoubleWord)]
    public class StmUsartV2 : StmUsart
    {
        public StmUsartV2(IMachine machine) : base(machine)
        {
        }

        public override void Reset()
        {
            System.Array.Clear(kept, 0, kept.Length);
            base.Reset();
        }

        public override uint ReadDoubleWord(long offset)
        {
            switch(offset)
            {
            case Status:
                return TransmitterFlags | (IsOn(Te) ? Teack : 0) | (IsOn(Re) ? Reack : 0) |
                    (IsFull ? Rxne : 0) | (IsIdle ? Idle : 0) | (Overrun ? Ore : 0);
            case ReceiveData:
                return Take();
            default:
                return offset < ReceiveData ? kept[offset / 4] : 0;
            }
        }

        public override void WriteDoubleWord(long offset, uint value)
        {
            switch(offset)
            {
            case TransmitData:
                if(IsOn(Te))
                {
                    Send((byte)value);
                }
                break;
            case FlagClear:
                IsIdle &= (value & Idle) == 0;
                Overrun &= (value & Ore) == 0;
                break;
            case Request:
                if((value & Rxfrq) != 0)
                {
                    Take();
                }
                break;
            default:
                if(offset < Request)
                {
                    kept[offset / 4] = value;
                }
                break;
            }
            Update();
        }

        protected override bool IsReceiving => IsOn(Re);

        protected override bool IsDmaEnabled => (kept[Control3 / 4] & Dmar) != 0;

        protected override bool IsInterrupting =>
            ((kept[0] & Rxneie) != 0 && (IsFull || Overrun)) ||
            ((kept[0] & Idleie) != 0 && IsIdle) ||
            ((kept[0] & (Tcie | Txeie)) != 0) ||
            ((kept[Control3 / 4] & Eie) != 0 && Overrun);

        // Whether a bit of the first control register is on, and the whole USART.
        private bool IsOn(uint bit)
        {
            return (kept[0] & (Ue | bit)) == (Ue | bit);
        }

        // Control registers 1 to 3, divider, guard time, receiver timeout.
        private readonly uint[] kept = new uint[ReceiveData / 4];

        private const long Control3 = 0x08;
        private const long Request = 0x18;
        private const long Status = 0x1C;
        private const long FlagClear = 0x20;
        private const long ReceiveData = 0x24;
        private const long TransmitData = 0x28;

        private const uint Reack = 1 << 22;
        private const uint Teack = 1 << 21;
        private const uint TransmitterFlags = 0xC0; // TXE and TC: always done
        private const uint Rxne = 1 << 5;
        private const uint Idle = 1 << 4;
        private const uint Ore = 1 << 3;

        private const uint Txeie = 1 << 7;
        private const uint Tcie = 1 << 6;
        private const uint Rxneie = 1 << 5;
        private const uint Idleie = 1 << 4;
        private const uint Te = 1 << 3;
        private const uint Re = 1 << 2;
        private const uint Ue = 1 << 0;
        private const uint Dmar = 1 << 6;
        private const uint Eie = 1 << 0;
        private const uint Rxfrq = 1 << 3;
    }
}
