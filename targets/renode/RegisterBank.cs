// 32-bit registers that keep what is written to them, and the few bits that answer.
//
// Clock, power and flash controllers are, for a firmware that only starts up, registers to write
// and flags to wait for: an oscillator that was switched on becomes ready, a clock that was chosen
// is in use. Which bits do so is said in the platform file:
//
//   powerOn: "0x74=0x0E000000"      a register's value when power comes on, zero without an entry
//   afterReset: "0x74=0x14000000"   its value after a reset, that of power-on without an entry
//   follow: "0x00[17]=0x00[16]"     bit 17 reads as what was last written to bit 16
//           "0x08[3:2]=0x08[1:0]"   so do fields; what follows cannot be written
//   clear: "0x74[31:25]=0x74[24]"   writing one to bit 24 clears the field, and itself
//
// Entries are separated by commas.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

using Antmicro.Renode.Core;
using Antmicro.Renode.Exceptions;
using Antmicro.Renode.Peripherals.Bus;

namespace Antmicro.Renode.Peripherals.Miscellaneous
{
    [AllowedTranslations(AllowedTranslation.ByteToDoubleWord | AllowedTranslation.WordToDoubleWord)]
    public class RegisterBank : IDoubleWordPeripheral, IKnownSize
    {
        public RegisterBank(
            IMachine machine, long size, string powerOn = "", string afterReset = "",
            string follow = "", string clear = "")
        {
            Size = size;
            values = new uint[size / 4];
            atPowerOn = Values(powerOn);
            atReset = Values(afterReset);
            followers = Pairs(follow);
            cleared = Pairs(clear);
            Fill(atPowerOn);
            Follow();
        }

        public long Size { get; }

        public void Reset()
        {
            Array.Clear(values, 0, values.Length);
            Fill(atPowerOn);
            Fill(atReset);
            Follow();
        }

        public uint ReadDoubleWord(long offset)
        {
            return values[offset / 4];
        }

        public void WriteDoubleWord(long offset, uint value)
        {
            var index = offset / 4;
            var kept = values[index];
            foreach(var pair in cleared.Where(pair => pair.Source.Index == index))
            {
                if(pair.Source.Of(value) == 0)
                {
                    continue;
                }
                value &= ~pair.Source.Mask;
                values[pair.Target.Index] &= ~pair.Target.Mask;
                kept = values[index];
            }
            // What follows or is cleared is not for software to write.
            var closed = 0u;
            foreach(var pair in followers.Concat(cleared).Where(pair => pair.Target.Index == index))
            {
                closed |= pair.Target.Mask;
            }
            values[index] = (value & ~closed) | (kept & closed);
            Follow();
        }

        private static Dictionary<long, uint> Values(string text)
        {
            return Entries(text).ToDictionary(
                entry => Number(entry[0]) / 4, entry => (uint)Number(entry[1]));
        }

        private static List<Pair> Pairs(string text)
        {
            return Entries(text).Select(entry => new Pair(entry[0], entry[1])).ToList();
        }

        private static IEnumerable<string[]> Entries(string text)
        {
            foreach(var entry in text.Split(new[] { ',' }, StringSplitOptions.RemoveEmptyEntries))
            {
                var sides = entry.Split('=').Select(side => side.Trim()).ToArray();
                if(sides.Length != 2)
                {
                    throw new ConstructionException(
                        String.Format("Expected 'a=b' in a register bank, found '{0}'", entry));
                }
                yield return sides;
            }
        }

        private static long Number(string text)
        {
            return text.StartsWith("0x")
                ? Int64.Parse(text.Substring(2), NumberStyles.HexNumber)
                : Int64.Parse(text);
        }

        private void Fill(Dictionary<long, uint> contents)
        {
            foreach(var entry in contents)
            {
                values[entry.Key] = entry.Value;
            }
        }

        private void Follow()
        {
            foreach(var pair in followers)
            {
                var bits = pair.Source.Of(values[pair.Source.Index]) << pair.Target.Low;
                var others = values[pair.Target.Index] & ~pair.Target.Mask;
                values[pair.Target.Index] = others | (bits & pair.Target.Mask);
            }
        }

        private readonly uint[] values;
        private readonly Dictionary<long, uint> atPowerOn;
        private readonly Dictionary<long, uint> atReset;
        private readonly List<Pair> followers;
        private readonly List<Pair> cleared;

        // One register's bits, as "offset[high:low]" or "offset[bit]".
        private class Field
        {
            public Field(string text)
            {
                var parts = text.Split('[', ':', ']');
                Index = Number(parts[0]) / 4;
                var high = (int)Number(parts[1]);
                Low = parts.Length > 3 ? (int)Number(parts[2]) : high;
                Mask = (uint)(((1UL << (high - Low + 1)) - 1) << Low);
            }

            public uint Of(uint value)
            {
                return (value & Mask) >> Low;
            }

            public readonly long Index;
            public readonly int Low;
            public readonly uint Mask;
        }

        private class Pair
        {
            public Pair(string target, string source)
            {
                Target = new Field(target);
                Source = new Field(source);
            }

            public readonly Field Target;
            public readonly Field Source;
        }
    }
}
