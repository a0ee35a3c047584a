import type { Server } from 'node:net';
import { AppError } from '../errors.ts';

export interface ListenAddress {
  host: string;
  /** 0 = any free one. */
  port: number;
}

/** Parses `127.0.0.1:8443`, `[::1]:0`. @throws AppError invalidValue naming the option */
export function parseListenAddress(text: string, option: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/u.exec(text);
  const port = Number(match?.[3] ?? Number.NaN);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || !(port <= 65_535)) {
    throw new AppError('invalidValue', `${option}: "${text}" is not HOST:PORT, for example 127.0.0.1:0`, {
      field: option,
    });
  }
  return { host, port };
}

/** True for addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/u.test(host);
}

/** `http://127.0.0.1:1234`, with brackets around IPv6. */
export function urlOf(scheme: string, { host, port }: ListenAddress, path = ''): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
}

/** Starts to listen. @returns the port. @throws AppError portInUse, invalidValue */
export function listen(server: Server, address: ListenAddress, option: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const where = `${address.host}:${address.port}`;
      if (error.code !== 'EADDRINUSE')
        reject(
          new AppError('invalidValue', `${option}: cannot listen on ${where}: ${error.message}`, { field: option }),
        );
      else
        reject(
          new AppError('portInUse', `${option}: ${where} is taken by another program`, {
            field: option,
            hint: 'Stop that program, or give another port.',
          }),
        );
    });
    server.listen(address.port, address.host, () => {
      const bound = server.address();
      server.removeAllListeners('error');
      resolve(typeof bound === 'object' && bound !== null ? bound.port : address.port);
    });
  });
}
