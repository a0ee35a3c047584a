import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';

/** Passes bytes both ways, each side no faster than the other takes them. Resolves when either side has ended. */
export function bridge(socket: Socket, input: Readable, output: Writable): Promise<void> {
  return new Promise((resolve) => {
    // Whoever breaks, both ends learn it by the end of their stream; what was read until then still goes out.
    const leave = () => {
      socket.destroy();
      resolve();
    };
    input.on('error', leave);
    output.on('error', leave);
    socket.on('error', leave);
    socket.on('end', () => output.end(leave));
    socket.on('close', leave);
    input.pipe(socket);
    socket.pipe(output, { end: false });
  });
}
