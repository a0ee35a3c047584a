import { setTimeout as sleep } from 'node:timers/promises';
import { toWireError } from '../../../shared/errors.ts';
import { getClient, noteClientError } from '../../database/clients.ts';
import { insertLog } from '../../database/logs.ts';
import { getSshKey, sshAddressOf } from '../../database/ssh-clients.ts';
import { readmit } from './ssh-admission.ts';
import type { SshDiallerDeps } from './ssh-dialler.ts';
import { openSshLink, type SshLink } from './ssh-link.ts';

const firstWaitMs = 1000;
const longestWaitMs = 60_000;

/** Keeps a line to one client until the signal: lost ones are dialled again after 1 s, then ever more slowly up to 60 s. */
export async function keepLink(
  deps: SshDiallerDeps,
  clientId: number,
  signal: AbortSignal,
  first: SshLink | undefined,
): Promise<void> {
  let link = first;
  let waitMs = firstWaitMs;
  while (!signal.aborted) {
    link ??= await dial(deps, clientId, signal);
    if (link !== undefined) {
      await hold(link, signal);
      link = undefined;
      waitMs = firstWaitMs;
    }
    // Many hosts behind one router must not be dialled in one beat.
    await sleep(waitMs * (0.75 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
    waitMs = Math.min(longestWaitMs, waitMs * 2);
  }
  link?.close('the client is no longer dialled');
}

async function hold(link: SshLink, signal: AbortSignal): Promise<void> {
  const onAbort = () => link.close('the client is no longer dialled');
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  await link.ended;
  signal.removeEventListener('abort', onAbort);
}

/** @returns undefined when the client was not reached; why stands in its row */
async function dial(deps: SshDiallerDeps, clientId: number, signal: AbortSignal): Promise<SshLink | undefined> {
  try {
    const client = await getClient(deps.db, clientId);
    const address = sshAddressOf(client);
    if (address === null) return undefined;
    const privateKey = await getSshKey(deps.db, clientId, deps.vault);
    return await openSshLink(
      deps,
      address,
      privateKey,
      (hello, nonce) => readmit(deps, clientId, hello, nonce),
      signal,
    );
  } catch (error) {
    if (!signal.aborted) await noteFailure(deps, clientId, error);
    return undefined;
  }
}

/** Notes why a client is not reached; the log gets every reason once and not with every dial. */
async function noteFailure(deps: SshDiallerDeps, clientId: number, error: unknown): Promise<void> {
  const { code, message } = toWireError(error);
  const client = await getClient(deps.db, clientId);
  if (client.last_error === message) return;
  deps.log.warn({ code, clientId, reason: message }, 'an SSH client was not reached');
  await noteClientError(deps.db, clientId, message);
  const isSecurity = code === 'hostKeyMismatch' || code === 'certificateMismatch';
  const [level, source] = isSecurity ? (['error', 'security'] as const) : (['warning', 'agent'] as const);
  await insertLog(deps.db, { level, source, code, message, clientId });
  deps.changes.announce('logs');
  deps.changes.announce('clients', [clientId]);
}
