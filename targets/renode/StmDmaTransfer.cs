// One DMA stream or channel at work: bytes from a peripheral's register to memory, one a request,
// around a buffer for ever if it is circular.
using System;

using Antmicro.Renode.Core;
using Antmicro.Renode.Peripherals.Bus;

namespace Antmicro.Renode.Peripherals.DMA
{
    public class StmDmaTransfer
    {
        // `reached` is called where half of the buffer (false) or all of it (true) is written.
        public StmDmaTransfer(IBusController bus, Action<bool> reached)
        {
            this.bus = bus;
            this.reached = reached;
        }

        public void Reset()
        {
            IsEnabled = false;
            IsRequested = false;
            Count = Source = Destination = 0;
        }

        public void Start(bool circular)
        {
            isCircular = circular;
            length = Count;
            IsEnabled = true;
        }

        // Copies for as long as the peripheral asks; taking a byte is what ends its request.
        public void Serve()
        {
            while(IsEnabled && IsRequested && Count != 0)
            {
                bus.WriteByte(Destination + (length - Count), bus.ReadByte(Source));
                Count--;
                if(Count == length / 2)
                {
                    reached(false);
                }
                if(Count == 0)
                {
                    Count = isCircular ? length : 0;
                    IsEnabled = isCircular;
                    reached(true);
                }
            }
        }

        // The level of the peripheral's request.
        public bool IsRequested;

        public bool IsEnabled;

        // Bytes left, the peripheral's register, and the buffer.
        public uint Count;
        public uint Source;
        public uint Destination;

        private bool isCircular;
        private uint length;

        private readonly IBusController bus;
        private readonly Action<bool> reached;
    }
}
