import type { clientsContract } from '../../shared/contract/engine/clients.ts';
import type { ParamsOut } from '../../shared/contract/method.ts';
import { AppError } from '../../shared/errors.ts';
import { sshLocation } from '../../shared/model/ssh.ts';
import { assertPrivateKey, fetchHostKey } from '../../shared/node/ssh-dial.ts';
import { dialError } from '../agents/ssh/ssh-errors.ts';
import { insertLog } from '../database/logs.ts';
import { type ApiContext, userName } from './context.ts';

const probeMs = 10_000;
/** Until a new client is online (DETAILS 18). */
const addMs = 10_000;

type ProbeParams = ParamsOut<(typeof clientsContract)['clients.probeSsh']>;
type AddParams = ParamsOut<(typeof clientsContract)['clients.addSsh']>;

/** The host key that a server offers. @throws AppError sshFailed */
export async function probeSsh({ host, port }: ProbeParams): Promise<{ hostKey: string }> {
  try {
    return { hostKey: await fetchHostKey(host, port, probeMs) };
  } catch (error) {
    throw dialError({ host, port, user: '' }, error);
  }
}

/** Adds and authorizes a client over SSH. @returns its number; it is online @throws AppError of the dialler */
export async function addSshClient(params: AddParams, context: ApiContext, signal: AbortSignal): Promise<number> {
  const { core } = context;
  const { name, privateKey, ...address } = params;
  assertPrivateKey(privateKey.reveal());
  const by = userName(context);
  const patience = AbortSignal.timeout(addMs);
  const id = await core.dialler
    .add({ name, address, privateKey, by }, AbortSignal.any([signal, patience]))
    .catch((error: unknown) => {
      throw patience.aborted ? tooSlow(address, error) : error;
    });
  const message = `client "${name}" was added over SSH at ${sshLocation(address)}, host key ${address.hostKey}`;
  await insertLog(core.db, { level: 'info', source: 'security', message, user: by, clientId: id });
  core.changes.announce('logs');
  return id;
}

function tooSlow(address: Parameters<typeof sshLocation>[0], cause: unknown): AppError {
  const message = `${sshLocation(address)}: no agent came online within ${addMs / 1000} s`;
  return new AppError('sshFailed', message, { field: 'host', cause });
}
