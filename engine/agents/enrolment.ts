import type { Logger } from '../../shared/node/log.ts';
import type { Hello } from '../../shared/contract/manager/all.ts';
import { AppError } from '../../shared/errors.ts';
import { contractNumber } from '../../shared/model/client.ts';
import type { Changes } from '../changes.ts';
import {
  type ClientRow,
  countUnauthorized,
  findClientByHwid,
  insertClient,
  type Introduction,
  noteClientError,
  updateIntroduction,
} from '../database/clients.ts';
import { insertLog } from '../database/logs.ts';
import { becomeDialler } from '../database/ssh-clients.ts';
import type { Database } from '../database/open.ts';
import type { AgentRegistry } from './registry.ts';

/** More strangers than this are not remembered: an open port must not fill the database. */
const maxUnauthorized = 200;
/** How long an earlier link has to prove that it lives before a second one takes over (DETAILS 9). */
const takeoverMs = 3000;

export interface AdmissionDeps {
  db: Database;
  changes: Changes;
  registry: AgentRegistry;
  log: Logger;
}

export interface EnrolmentDeps extends AdmissionDeps {
  /** Fingerprint of the agent this engine started itself (DETAILS 14). */
  localFingerprint(): string | undefined;
}

/** What is known of the sender before it says hello. */
export interface Caller {
  fingerprint: string;
  address: string;
}

/**
 * Decides about a hello: a stranger is recorded as unauthorized, a known client must have its pinned certificate and
 * must not be connected from a second place (DESIGN §4, Enrolment; DETAILS 9, 17).
 * @throws AppError incompatible, certificateMismatch, duplicateHwid, clientRemoved, rateLimited
 */
export async function enrol(deps: EnrolmentDeps, hello: Hello, caller: Caller): Promise<ClientRow> {
  const introduction: Introduction = { ...hello, ...caller };
  const known = await findClientByHwid(deps.db, hello.hwid);
  const client = known ?? (await admitStranger(deps, introduction));
  if (client.fingerprint !== caller.fingerprint) {
    throw await refuse(
      deps,
      client,
      'certificateMismatch',
      `${caller.address} presents another certificate for HWID ${hello.hwid}`,
    );
  }
  if (client.decision === 'removed') {
    // Its host was set up anew without SSH; an administrator who authorizes it means this way then.
    if (client.transport === 'ssh') await becomeDialler(deps.db, client.id);
    throw new AppError('clientRemoved', `client "${client.name}" was removed from this engine`, {
      hint: 'An administrator can authorize it again.',
    });
  }
  if (client.transport === 'ssh') throw await refuse(deps, client, 'duplicateHwid', dialsToo(client, caller));
  return takePlace(deps, client, introduction);
}

function dialsToo({ hwid, name }: ClientRow, { address }: Caller): string {
  return `HWID ${hwid} is client "${name}", which is reached over SSH; it also dialled from ${address}`;
}

/**
 * The last part of every hello: no second link beside a live one, and what the agent says about itself is written.
 * @throws AppError duplicateHwid, incompatible
 */
export async function takePlace(
  deps: AdmissionDeps,
  client: ClientRow,
  introduction: Introduction,
): Promise<ClientRow> {
  await refuseSecondPlace(deps, client, introduction.address);
  // What the earlier link left behind must be noted first, or it would overwrite what this one says.
  await deps.registry.hasLeft(client.id);
  await updateIntroduction(deps.db, client.id, introduction);
  deps.changes.announce('clients', [client.id]);
  refuseOtherContract(introduction.contract);
  return { ...client, name: introduction.name };
}

async function admitStranger(deps: EnrolmentDeps, introduction: Introduction): Promise<ClientRow> {
  if ((await countUnauthorized(deps.db)) >= maxUnauthorized) {
    throw new AppError('rateLimited', `there are ${maxUnauthorized} unauthorized clients already`, {
      hint: 'Authorize or remove some of them in the console.',
    });
  }
  const local = introduction.fingerprint === deps.localFingerprint();
  const client = await insertClient(deps.db, introduction, local);
  const message = local
    ? `the local agent ${introduction.hwid} was authorized`
    : `client "${introduction.name}" (${introduction.hwid}) at ${introduction.address} asks to be authorized`;
  await insertLog(deps.db, { level: local ? 'info' : 'warning', source: 'security', message, clientId: client.id });
  deps.changes.announce('logs');
  return client;
}

async function refuseSecondPlace(deps: AdmissionDeps, client: ClientRow, address: string): Promise<void> {
  const earlier = deps.registry.find(client.id);
  if (earlier === undefined) return;
  const alive = await earlier.peer.call('agent.ping', {}, { timeoutMs: takeoverMs }).then(
    () => true,
    () => false,
  );
  if (alive) {
    throw await refuse(
      deps,
      client,
      'duplicateHwid',
      `HWID ${client.hwid} is connected already; a second one came from ${address}`,
    );
  }
  earlier.peer.close('another connection of the same client took over');
}

/** Notes a refusal with the client and in the security log. @returns the error to throw */
async function refuse(
  deps: AdmissionDeps,
  client: ClientRow,
  code: 'certificateMismatch' | 'duplicateHwid',
  message: string,
): Promise<AppError> {
  deps.log.warn({ code, clientId: client.id }, message);
  await noteClientError(deps.db, client.id, message);
  await insertLog(deps.db, { level: 'error', source: 'security', code, message, clientId: client.id });
  deps.changes.announce('logs');
  deps.changes.announce('clients', [client.id]);
  return new AppError(code, message);
}

/** @throws AppError incompatible */
export function refuseOtherContract(contract: number): void {
  if (contract === contractNumber || contract === contractNumber - 1) return;
  throw new AppError('incompatible', `the agent speaks contract ${contract}, this engine ${contractNumber}`, {
    hint: contract < contractNumber ? 'Upgrade the agent.' : 'Upgrade the engine.',
  });
}
