import { once } from 'node:events';
import type { ClientChannel } from 'ssh2';
import { AppError, messageOf } from '../../../shared/errors.ts';
import { type SshAddress, sshLocation } from '../../../shared/model/ssh.ts';
import { dialSsh, type SshLine } from '../../../shared/node/ssh-dial.ts';
import type { Secret } from '../../../shared/schema.ts';
import { type CommandEnd, dialError } from './ssh-errors.ts';

/** A server that is silent for three of these is given up, in ms. */
const keepaliveMs = 5000;
const dialMs = 10_000;
/** Standard error is kept for messages, not as a log. */
const keptBytes = 2048;
/** The exit code may come after the end of the output, in ms. */
const exitMs = 1000;

/** The agent's command on its host, with its standard input and output. */
export interface RemoteCommand {
  readonly stream: ClientChannel;
  /** How it ended; waits a moment for the exit code. */
  end(reason: string): Promise<CommandEnd>;
  /** Ends the line now. */
  destroy(): void;
}

/** Logs in and starts the command. @throws AppError hostKeyMismatch, sshDenied, sshFailed, invalidValue (the private key) */
export async function startRemote(
  address: SshAddress,
  privateKey: Secret,
  signal: AbortSignal,
): Promise<RemoteCommand> {
  const { host, port, user, hostKey } = address;
  const login = { host, port, user, hostKey, privateKey: privateKey.reveal(), timeoutMs: dialMs, keepaliveMs };
  const line = await dialSsh(login, signal).catch((error: unknown) => {
    throw dialError(address, error);
  });
  let lineError: string | undefined;
  line.client.on('error', (error) => {
    lineError ??= error.message;
  });
  try {
    const stream = await exec(line, address, signal);
    return remoteCommand(line, stream, () => lineError);
  } catch (error) {
    destroy(line);
    throw error;
  }
}

async function exec({ client }: SshLine, address: SshAddress, signal: AbortSignal): Promise<ClientChannel> {
  const where = sshLocation(address);
  const failed = (message: string) => new AppError('sshFailed', `${where}: ${message}`, { field: 'host' });
  let onAbort = () => undefined as void;
  try {
    return await new Promise<ClientChannel>((resolve, reject) => {
      onAbort = () => reject(failed('the dialling was given up'));
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      client.on('close', () => reject(failed('the server closed the connection')));
      client.exec(address.command, (error, stream) => {
        if (error === undefined) resolve(stream);
        else if (/unable to exec|open failure/iu.test(messageOf(error))) reject(noCommands(where, error));
        else reject(failed(messageOf(error)));
      });
    });
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function noCommands(where: string, cause: Error): AppError {
  const message = `${where}: the server runs no commands for this user: ${cause.message}`;
  return new AppError('sshDenied', message, { field: 'user', cause });
}

function remoteCommand(line: SshLine, stream: ClientChannel, lineError: () => string | undefined): RemoteCommand {
  let stderr = Buffer.alloc(0);
  let code: number | undefined;
  stream.stderr.on('data', (chunk: Buffer) => {
    stderr = Buffer.concat([stderr, chunk]).subarray(-keptBytes);
  });
  stream.on('exit', (given: number | null) => {
    code = given ?? undefined;
  });
  const closed = once(stream, 'close');
  closed.catch(() => undefined);
  return {
    stream,
    async end(reason) {
      const patience = new Promise((resolve) => setTimeout(resolve, exitMs).unref());
      await Promise.race([closed, patience]).catch(() => undefined);
      return { reason: lineError() ?? reason, code, stderr: stderr.toString('utf8') };
    },
    destroy: () => destroy(line),
  };
}

function destroy({ client, socket }: SshLine): void {
  client.destroy();
  socket.destroy();
}
