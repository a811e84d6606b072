// A UART's line as a TCP connection to a program that waits for it on this machine.
//
// Renode's own socket terminal listens, on every interface of the machine, on a port that must be
// found first. This one connects: to a port of 127.0.0.1 that the other end chose, and proves by a
// token that it is the one expected there. The stream is binary; bytes that come while the UART
// holds the line back wait.
//
//   emulation CreateLoopbackTerminal "line" 40123 "0123456789abcdef"
//   connector Connect sysbus.usart3 line
using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Text;
using System.Threading;

using Antmicro.Migrant;
using Antmicro.Renode.Core;
using Antmicro.Renode.Exceptions;
using Antmicro.Renode.Peripherals.UART;

namespace Antmicro.Renode.Backends.Terminals
{
    public static class LoopbackTerminalExtensions
    {
        public static void CreateLoopbackTerminal(
            this Emulation emulation, string name, int port, string token)
        {
            emulation.ExternalsManager.AddExternal(new LoopbackTerminal(port, token), name);
        }
    }

    [Transient]
    public class LoopbackTerminal : BackendTerminal, IDisposable
    {
        public LoopbackTerminal(int port, string token)
        {
            stream = Connect(port);
            stream.Write(Encoding.ASCII.GetBytes(token), 0, token.Length);
        }

        public override void AttachTo(IUART uart)
        {
            base.AttachTo(uart);
            new Thread(Receive) { IsBackground = true, Name = "Line in" }.Start();
            new Thread(Send) { IsBackground = true, Name = "Line out" }.Start();
        }

        // A byte from the UART; waits while the other end is far behind.
        public override void WriteChar(byte value)
        {
            lock(waiting)
            {
                while(waiting.Count >= MostWaiting && !isClosed)
                {
                    Monitor.Wait(waiting);
                }
                waiting.Add(value);
                if(waiting.Count == 1)
                {
                    Monitor.PulseAll(waiting);
                }
            }
        }

        public void Dispose()
        {
            lock(waiting)
            {
                isClosed = true;
                Monitor.PulseAll(waiting);
            }
            stream.Dispose();
        }

        // Renode compiles this file against the assemblies that it has loaded by then, and that of
        // sockets need not be among them: so it is named here and looked up when it is needed.
        private static Stream Connect(int port)
        {
            var type = Type.GetType("System.Net.Sockets.TcpClient, System.Net.Sockets") ??
                Type.GetType("System.Net.Sockets.TcpClient, System", true);
            try
            {
                var client = Activator.CreateInstance(type, "127.0.0.1", port);
                type.GetProperty("NoDelay").SetValue(client, true, null);
                return (Stream)type.GetMethod("GetStream").Invoke(client, null);
            }
            catch(TargetInvocationException e)
            {
                throw new RecoverableException(String.Format(
                    "Expected a program that waits on port {0} of 127.0.0.1, found: {1}",
                    port, e.InnerException.Message));
            }
        }

        private void Receive()
        {
            var block = new byte[BlockBytes];
            try
            {
                for(int count; (count = stream.Read(block, 0, BlockBytes)) > 0;)
                {
                    for(var index = 0; index < count; index++)
                    {
                        CallCharReceived(block[index]);
                    }
                }
            }
            catch(IOException)
            {
                // The other end is gone: nothing more will come.
            }
            catch(ObjectDisposedException)
            {
                // So are we.
            }
        }

        private void Send()
        {
            try
            {
                for(byte[] block; (block = Waiting()) != null;)
                {
                    stream.Write(block, 0, block.Length);
                }
            }
            catch(IOException)
            {
                Dispose();
            }
            catch(ObjectDisposedException)
            {
                // We are gone.
            }
        }

        // All bytes that wait to be sent, at least one; null at the end.
        private byte[] Waiting()
        {
            lock(waiting)
            {
                while(waiting.Count == 0 && !isClosed)
                {
                    Monitor.Wait(waiting);
                }
                var block = waiting.ToArray();
                waiting.Clear();
                Monitor.PulseAll(waiting);
                return isClosed ? null : block;
            }
        }

        private bool isClosed;

        private readonly Stream stream;
        private readonly List<byte> waiting = new List<byte>();

        private const int BlockBytes = 4096;
        private const int MostWaiting = 1 << 20;
    }
}
