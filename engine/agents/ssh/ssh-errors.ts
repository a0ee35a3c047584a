import { AppError } from '../../../shared/errors.ts';
import { type SshAddress, sshLocation } from '../../../shared/model/ssh.ts';
import { SshDialError } from '../../../shared/node/ssh-dial.ts';

/** What a refused dialling means for an operator. `field` names the parameter of `clients.addSsh`. */
export function dialError(address: Pick<SshAddress, 'user' | 'host' | 'port'>, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const where = sshLocation(address);
  if (!(error instanceof SshDialError)) return new AppError('internal', `${where}: ${String(error)}`, { cause: error });
  const { fault, message, cause } = error;
  switch (fault) {
    case 'hostKey':
      return new AppError('hostKeyMismatch', message, { field: 'hostKey', cause });
    case 'login':
      return new AppError('sshDenied', `${where}: the server does not accept this user with this key`, {
        field: 'privateKey',
        cause,
      });
    case 'privateKey':
      return new AppError('invalidValue', `${where}: ${message}`, { field: 'privateKey', cause });
    case 'algorithms':
      return new AppError('sshFailed', `${where}: ${message}`, {
        field: 'host',
        hint: 'Engine and server share no cipher, key exchange or kind of host key.',
        cause,
      });
    case 'unreachable':
      return new AppError('sshFailed', `${where}: ${message}`, { field: 'host', cause });
  }
}

/** How the agent's command ended before the agent said hello. */
export interface CommandEnd {
  /** Why our channel to it closed. */
  reason: string;
  /** Exit code; undefined when it was killed, or when the line broke. */
  code: number | undefined;
  /** Last of what it wrote to standard error. */
  stderr: string;
}

/** Exit codes of a shell for a program that is not there, or not executable (POSIX, 2.8.2). */
const notFound = [126, 127];

export function commandError(address: SshAddress, { reason, code, stderr }: CommandEnd): AppError {
  const where = sshLocation(address);
  const said = stderr.trim() === '' ? '' : `: ${stderr.trim().replaceAll(/\s+/gu, ' ')}`;
  if (code !== undefined && notFound.includes(code))
    return new AppError('sshFailed', `${where} has no command "${address.command}" (exit ${code})${said}`, {
      field: 'command',
      hint: 'Install holdfast-agent on the host, or give the command that starts it with its whole path.',
    });
  if (code !== undefined && code !== 0)
    return new AppError('sshFailed', `${where}: "${address.command}" ended with exit code ${code}${said}`, {
      field: 'command',
    });
  const isNoise = reason.includes('malformed');
  return new AppError('sshFailed', `${where}: no agent answered, ${reason}${said}`, {
    field: 'command',
    hint: isNoise ? 'The command and the login shell must write nothing else to standard output.' : undefined,
  });
}
