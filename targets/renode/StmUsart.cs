// The receiver and transmitter of an STM32 USART, whatever its registers are called.
//
// Time on the line is modelled only so far as software depends on it: a byte that is written is
// sent at once, bytes arrive at most SlotBytes in a time slot (a firmware that empties a ring
// buffer has time to), and behind every byte the line is idle. There is one data register, as in
// the chip without its FIFO: a byte that comes before the last one was taken is lost, and noted as
// an overrun.
using System;

using Antmicro.Renode.Core;
using Antmicro.Renode.Peripherals.Bus;
using Antmicro.Renode.Time;

namespace Antmicro.Renode.Peripherals.UART
{
    public abstract class StmUsart : IUARTWithBufferState, IDoubleWordPeripheral, IKnownSize
    {
        public abstract uint ReadDoubleWord(long offset);

        public abstract void WriteDoubleWord(long offset, uint value);

        // A byte from the line.
        public void WriteChar(byte value)
        {
            lock(sync)
            {
                if(IsReceiving)
                {
                    Overrun |= IsFull;
                    data = IsFull ? data : value;
                    IsFull = true;
                    IsIdle = true;
                    Update();
                }
            }
            inSlot++;
            if(inSlot == SlotBytes)
            {
                machine.ScheduleAction(slot, _ => NextSlot());
            }
        }

        public virtual void Reset()
        {
            lock(sync)
            {
                IsFull = false;
                IsIdle = false;
                Overrun = false;
                Update();
            }
            NextSlot();
        }

        // "Full" holds the line's other end back until the next time slot.
        public BufferState BufferState =>
            inSlot >= SlotBytes ? BufferState.Full : BufferState.Ready;

        public GPIO IRQ { get; } = new GPIO();

        // High as long as a received byte waits for DMA.
        public GPIO ReceiveRequest { get; } = new GPIO();

        public long Size => 0x400;

        public uint BaudRate => 0;

        public Bits StopBits => Bits.One;

        public Parity ParityBit => Parity.None;

        public event Action<byte> CharReceived;

        public event Action<BufferState> BufferStateChanged;

        protected StmUsart(IMachine machine)
        {
            this.machine = machine;
        }

        // Returns the received byte, which is then gone.
        protected byte Take()
        {
            lock(sync)
            {
                IsFull = false;
                Update();
                return data;
            }
        }

        protected void Send(byte value)
        {
            CharReceived?.Invoke(value);
        }

        // Sets the outputs to what flags and control bits say.
        protected void Update()
        {
            ReceiveRequest.Set(IsFull && IsDmaEnabled);
            IRQ.Set(IsInterrupting);
        }

        protected abstract bool IsReceiving { get; }

        protected abstract bool IsDmaEnabled { get; }

        protected abstract bool IsInterrupting { get; }

        // RXNE, IDLE and ORE.
        protected bool IsFull;
        protected bool IsIdle;
        protected bool Overrun;

        private void NextSlot()
        {
            inSlot = 0;
            BufferStateChanged?.Invoke(BufferState.Ready);
        }

        private byte data;
        private int inSlot;

        private readonly IMachine machine;
        private readonly object sync = new object();
        private readonly TimeInterval slot = TimeInterval.FromMicroseconds(500);

        private const int SlotBytes = 256;
    }
}
