import { AppError, messageOf } from '../../../shared/errors.ts';

/** What a server answered instead of doing what it was asked. */
export interface RestRefusal {
  status: number;
  method: string;
  /** Address of the file, for messages. */
  shown: string;
  /** What the server wrote, already made harmless. */
  text: string;
}

/** Text of a server for a message: one line, printable, short. */
export function harmless(text: string, longest = 200): string {
  return text
    .slice(0, longest)
    .replace(/[^\p{L}\p{N}\p{P}\p{S} ]+/gu, ' ')
    .trim();
}

/** Statuses that waiting does not cure, and what does. */
const hints: Record<number, string> = {
  401: 'The user or the password of the pool is wrong.',
  403: 'The server forbids it: the user has no right here, or the server is append-only.',
  405: 'Check the address: this is no server of the restic REST protocol, or it forbids this.',
  407: 'A proxy on the way wants a login.',
  411: 'A proxy on the way changes requests.',
  413: 'The server, or a proxy on the way, takes no file this large: raise its limit.',
};

/** Turns a refusal into what callers know. */
export function refusalError({ status, method, shown, text }: RestRefusal): AppError {
  const said = `the server answered ${status} to ${method} ${shown}${text === '' ? '' : `: ${text}`}`;
  if (status === 404 || status === 410) return new AppError('notFound', `${shown} does not exist`);
  if (status === 416) return new AppError('repositoryDamaged', `${shown} is shorter than expected (${said})`);
  if (status === 507) {
    return new AppError('storageFull', said, { hint: 'Free space on the server, or raise the quota.' });
  }
  if (status >= 300 && status < 400) {
    return new AppError('storageDenied', `${said}, which is a redirect and not followed`, {
      hint: 'Give the address that the server really has.',
    });
  }
  // 400 is what a body answers that was damaged on the way; 408 and 429 ask to come back.
  const mayPass = status >= 500 ? status !== 501 && status !== 505 : [400, 408, 425, 429].includes(status);
  if (mayPass) return new AppError('storageFailed', said);
  return new AppError('storageDenied', said, { hint: hints[status], field: status === 401 ? 'credential' : undefined });
}

/** Turns what a connection failed with into what callers know. */
export function connectionError(shown: string, error: unknown): Error {
  if (error instanceof AppError) return error;
  return new AppError('storageFailed', `${shown}: ${messageOf(error)}`, { cause: error });
}

/** The connection was idle too long and the server closed it at the moment we used it. */
export function isStaleConnection(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ECONNRESET' || code === 'EPIPE';
}
