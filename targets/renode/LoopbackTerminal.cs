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
using System.Net;
using System.Net.Sockets;
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
            socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.NoDelay = true;
            try
            {
                socket.Connect(IPAddress.Loopback, port);
                socket.Send(Encoding.ASCII.GetBytes(token));
            }
            catch(SocketException e)
            {
                socket.Close();
                throw new RecoverableException(String.Format(
                    "Expected a program that waits on port {0} of 127.0.0.1, found: {1}",
                    port, e.Message));
            }
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
            socket.Close();
        }

        private void Receive()
        {
            var block = new byte[BlockBytes];
            try
            {
                for(int count; (count = socket.Receive(block)) > 0;)
                {
                    for(var index = 0; index < count; index++)
                    {
                        CallCharReceived(block[index]);
                    }
                }
            }
            catch(SocketException)
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
                    socket.Send(block);
                }
            }
            catch(SocketException)
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

        private readonly Socket socket;
        private readonly List<byte> waiting = new List<byte>();

        private const int BlockBytes = 4096;
        private const int MostWaiting = 1 << 20;
    }
}
