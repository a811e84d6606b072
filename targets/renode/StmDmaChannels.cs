// A DMA controller of STM32L4+: seven channels (RM0432 section 11). Modelled is what receives from
// a peripheral: single bytes to a buffer, circular or not, with half and full transfer flags and
// interrupts. Input n is the request of channel n + 1, which the DMAMUX chooses.
using System.Collections.Generic;
using System.Linq;

using Antmicro.Renode.Core;
using Antmicro.Renode.Logging;
using Antmicro.Renode.Peripherals.Bus;

namespace Antmicro.Renode.Peripherals.DMA
{
    public class StmDmaChannels :
        IDoubleWordPeripheral, IKnownSize, IGPIOReceiver, INumberedGPIOOutput
    {
        public StmDmaChannels(IMachine machine)
        {
            var bus = machine.GetSystemBus(this);
            transfers = Enumerable.Range(0, Channels)
                .Select(channel => new StmDmaTransfer(bus, whole => Reached(channel, whole)))
                .ToArray();
            Connections = Enumerable.Range(0, Channels)
                .ToDictionary(channel => channel, _ => (IGPIO)new GPIO());
        }

        public void Reset()
        {
            for(var channel = 0; channel < Channels; channel++)
            {
                transfers[channel].Reset();
                control[channel] = 0;
                flags[channel] = 0;
                Update(channel);
            }
        }

        public void OnGPIO(int number, bool value)
        {
            levels[number] = value;
            Serve(number);
        }

        public uint ReadDoubleWord(long offset)
        {
            if(offset < FirstChannel)
            {
                return offset == Status
                    ? (uint)flags.Select((bits, index) => (long)bits << (FlagBits * index)).Sum()
                    : 0;
            }
            var channel = (offset - FirstChannel) / ChannelBytes;
            switch((offset - FirstChannel) % ChannelBytes)
            {
            case Control:
                return control[channel] | (transfers[channel].IsEnabled ? En : 0);
            case Count:
                return transfers[channel].Count;
            case Source:
                return transfers[channel].Source;
            case Destination:
                return transfers[channel].Destination;
            default:
                return 0;
            }
        }

        public void WriteDoubleWord(long offset, uint value)
        {
            if(offset < FirstChannel)
            {
                if(offset == Clear)
                {
                    ClearFlags(value);
                }
                return;
            }
            var channel = (int)((offset - FirstChannel) / ChannelBytes);
            switch((offset - FirstChannel) % ChannelBytes)
            {
            case Control:
                Configure(channel, value);
                break;
            case Count:
                transfers[channel].Count = value & 0xFFFF;
                break;
            case Source:
                transfers[channel].Source = value;
                break;
            case Destination:
                transfers[channel].Destination = value;
                break;
            }
        }

        // Up to the registers of channel 7.
        public long Size => FirstChannel + Channels * ChannelBytes;

        public IReadOnlyDictionary<int, IGPIO> Connections { get; }

        private void ClearFlags(uint value)
        {
            for(var channel = 0; channel < Channels; channel++)
            {
                var bits = (value >> (FlagBits * channel)) & 0xF;
                flags[channel] = (bits & Gif) != 0 ? 0 : flags[channel] & ~bits;
                flags[channel] &= (flags[channel] & ~Gif) == 0 ? 0 : ~0u;
                Update(channel);
            }
        }

        private void Configure(int channel, uint value)
        {
            var wasEnabled = transfers[channel].IsEnabled;
            control[channel] = value & ~En;
            if((value & En) == 0)
            {
                transfers[channel].IsEnabled = false;
            }
            else if((value & NotModelled) != 0)
            {
                this.Log(
                    LogLevel.Error,
                    "Channel {0}: expected bytes from a peripheral, found 0x{1:X}: not modelled",
                    channel + 1, value);
            }
            else if(!wasEnabled)
            {
                transfers[channel].Start((value & Circ) != 0);
                Serve(channel);
            }
            Update(channel);
        }

        private void Serve(int channel)
        {
            transfers[channel].IsRequested = levels[channel];
            transfers[channel].Serve();
        }

        private void Reached(int channel, bool whole)
        {
            flags[channel] |= Gif | (whole ? Tcif : Htif);
            Update(channel);
        }

        private void Update(int channel)
        {
            // The enable bits have the places of the flags.
            Connections[channel].Set((flags[channel] & control[channel] & (Tcif | Htif)) != 0);
        }

        private readonly StmDmaTransfer[] transfers;
        private readonly bool[] levels = new bool[Channels];
        private readonly uint[] control = new uint[Channels];
        private readonly uint[] flags = new uint[Channels];

        private const int Channels = 7;
        private const int FlagBits = 4;
        private const long Status = 0x00;
        private const long Clear = 0x04;
        private const long FirstChannel = 0x08;
        private const long ChannelBytes = 0x14;
        private const long Control = 0x00;
        private const long Count = 0x04;
        private const long Source = 0x08;
        private const long Destination = 0x0C;

        private const uint Gif = 1 << 0;
        private const uint Tcif = 1 << 1;
        private const uint Htif = 1 << 2;
        private const uint En = 1 << 0;
        private const uint Circ = 1 << 5;

        // DIR other than from a peripheral, PINC, PSIZE and MSIZE other than bytes, MEM2MEM.
        private const uint NotModelled =
            (1u << 4) | (1u << 6) | (3u << 8) | (3u << 10) | (1u << 14);
    }
}
