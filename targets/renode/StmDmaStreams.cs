// The DMA controller of STM32F4, F7 and H7: eight streams (RM0090 section 10, RM0385 section 8,
// RM0433 section 15). Modelled is what receives from a peripheral: single bytes to a buffer,
// circular or not, with half and full transfer flags and interrupts.
//
// Requests come in as input stream * requestsPerStream + channel. F4 and F7 have eight per stream,
// of which CHSEL chooses one; the H7's DMAMUX chooses for it, and there is one.
using System.Collections.Generic;
using System.Linq;

using Antmicro.Renode.Core;
using Antmicro.Renode.Logging;
using Antmicro.Renode.Peripherals.Bus;

namespace Antmicro.Renode.Peripherals.DMA
{
    public class StmDmaStreams :
        IDoubleWordPeripheral, IKnownSize, IGPIOReceiver, INumberedGPIOOutput
    {
        public StmDmaStreams(IMachine machine, int requestsPerStream = 8)
        {
            this.requestsPerStream = requestsPerStream;
            levels = new bool[Streams * requestsPerStream];
            var bus = machine.GetSystemBus(this);
            transfers = Enumerable.Range(0, Streams)
                .Select(stream => new StmDmaTransfer(bus, whole => Reached(stream, whole)))
                .ToArray();
            Connections = Enumerable.Range(0, Streams)
                .ToDictionary(stream => stream, _ => (IGPIO)new GPIO());
        }

        public void Reset()
        {
            for(var stream = 0; stream < Streams; stream++)
            {
                transfers[stream].Reset();
                control[stream] = 0;
                flags[stream] = 0;
                Update(stream);
            }
        }

        public void OnGPIO(int number, bool value)
        {
            levels[number] = value;
            Serve(number / requestsPerStream);
        }

        public uint ReadDoubleWord(long offset)
        {
            if(offset < Clear)
            {
                var first = (int)offset;
                return (uint)Places.Select((place, n) => (long)flags[first + n] << place).Sum();
            }
            if(offset < FirstStream)
            {
                return 0;
            }
            var stream = (offset - FirstStream) / StreamBytes;
            switch((offset - FirstStream) % StreamBytes)
            {
            case Control:
                return control[stream] | (transfers[stream].IsEnabled ? En : 0);
            case Count:
                return transfers[stream].Count;
            case Source:
                return transfers[stream].Source;
            case Destination:
                return transfers[stream].Destination;
            default:
                return 0;
            }
        }

        public void WriteDoubleWord(long offset, uint value)
        {
            if(offset < FirstStream)
            {
                ClearFlags((int)(offset - Clear), value);
                return;
            }
            var stream = (int)((offset - FirstStream) / StreamBytes);
            switch((offset - FirstStream) % StreamBytes)
            {
            case Control:
                Configure(stream, value);
                break;
            case Count:
                transfers[stream].Count = value & 0xFFFF;
                break;
            case Source:
                transfers[stream].Source = value;
                break;
            case Destination:
                transfers[stream].Destination = value;
                break;
            }
        }

        public long Size => 0x400;

        public IReadOnlyDictionary<int, IGPIO> Connections { get; }

        private void ClearFlags(int first, uint value)
        {
            for(var index = 0; first >= 0 && index < 4; index++)
            {
                flags[first + index] &= ~(value >> Places[index]);
                Update(first + index);
            }
        }

        private void Configure(int stream, uint value)
        {
            var wasEnabled = transfers[stream].IsEnabled;
            control[stream] = value & ~En;
            if((value & En) == 0)
            {
                transfers[stream].IsEnabled = false;
            }
            else if((value & NotModelled) != 0)
            {
                this.Log(
                    LogLevel.Error,
                    "Stream {0}: expected bytes from a peripheral, found 0x{1:X}: not modelled",
                    stream, value);
            }
            else if(!wasEnabled)
            {
                transfers[stream].Start((value & Circ) != 0);
                Serve(stream);
            }
            Update(stream);
        }

        private void Serve(int stream)
        {
            var channel = (int)(control[stream] >> ChselPlace) & (requestsPerStream - 1);
            transfers[stream].IsRequested = levels[stream * requestsPerStream + channel];
            transfers[stream].Serve();
        }

        private void Reached(int stream, bool whole)
        {
            flags[stream] |= whole ? Tcif : Htif;
            Update(stream);
        }

        private void Update(int stream)
        {
            // The enable bits are one place below the flags.
            Connections[stream].Set((flags[stream] & (control[stream] << 1) & (Htif | Tcif)) != 0);
        }

        private readonly int requestsPerStream;
        private readonly bool[] levels;
        private readonly StmDmaTransfer[] transfers;
        private readonly uint[] control = new uint[Streams];
        private readonly uint[] flags = new uint[Streams];

        // Where a stream's flags are in its status register; there are four streams in each.
        private static readonly int[] Places = { 0, 6, 16, 22 };

        private const int Streams = 8;
        private const long Clear = 0x08;
        private const long FirstStream = 0x10;
        private const long StreamBytes = 0x18;
        private const long Control = 0x00;
        private const long Count = 0x04;
        private const long Source = 0x08;
        private const long Destination = 0x0C;

        private const uint Htif = 1 << 4;
        private const uint Tcif = 1 << 5;
        private const uint En = 1 << 0;
        private const uint Circ = 1 << 8;
        private const int ChselPlace = 25;

        // DIR other than from a peripheral, PINC, PSIZE and MSIZE other than bytes, DBM.
        private const uint NotModelled =
            (3u << 6) | (1u << 9) | (3u << 11) | (3u << 13) | (1u << 18);
    }
}
