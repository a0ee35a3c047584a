import { messageOf } from '../../../shared/errors.ts';
import { type SshAddress, sshLocation } from '../../../shared/model/ssh.ts';
import type { Secret } from '../../../shared/schema.ts';
import { type ClientRow, findClientByHwid } from '../../database/clients.ts';
import {
  assertClientNameFree,
  forgetSshClient,
  insertSshClient,
  listSshClientIds,
  type Seals,
} from '../../database/ssh-clients.ts';
import type { ConnectionDeps } from '../connection.ts';
import { refuseOtherContract } from '../enrolment.ts';
import { introduce } from './ssh-admission.ts';
import { keepLink } from './ssh-keeper.ts';
import { openSshLink, type SshLink } from './ssh-link.ts';

export interface SshDiallerDeps extends ConnectionDeps {
  vault: Seals;
}

export interface WantedSshClient {
  name: string;
  address: SshAddress;
  privateKey: Secret;
  /** Who adds it. */
  by: string;
}

interface Kept {
  stop: AbortController;
  done: Promise<void>;
}

/** Holds a line to every authorized client that is reached over SSH (DESIGN §4). */
export class SshDialler {
  private readonly deps: SshDiallerDeps;
  private readonly kept = new Map<number, Kept>();

  constructor(deps: SshDiallerDeps) {
    this.deps = deps;
  }

  /** Dials all of them, without waiting for any. */
  async start(): Promise<void> {
    for (const id of await listSshClientIds(this.deps.db)) this.keep(id);
  }

  /** Dials a client now and whenever its line is lost, until {@link drop}. */
  keep(clientId: number, first?: SshLink): void {
    const before = this.drop(clientId);
    const stop = new AbortController();
    const done = before
      .then(() => keepLink(this.deps, clientId, stop.signal, first))
      .catch((error: unknown) => this.deps.log.error({ err: error, clientId }, 'an SSH client is no longer dialled'));
    this.kept.set(clientId, { stop, done });
  }

  /** Ends the line of a client and dials it no more. */
  async drop(clientId: number): Promise<void> {
    const kept = this.kept.get(clientId);
    if (kept === undefined) return;
    this.kept.delete(clientId);
    kept.stop.abort();
    await kept.done;
  }

  async stop(): Promise<void> {
    await Promise.all(Array.from(this.kept.keys(), (id) => this.drop(id)));
  }

  /**
   * Reaches a new client and records it as authorized once it has proven its keys. After an error nothing is kept.
   * @returns its number; it is online then
   * @throws AppError nameTaken, hostKeyMismatch, sshDenied, sshFailed, agentInUse, certificateMismatch, incompatible
   */
  async add({ name, address, privateKey, by }: WantedSshClient, signal: AbortSignal): Promise<number> {
    const { db, vault } = this.deps;
    await assertClientNameFree(db, name);
    let before: ClientRow | undefined;
    let added: ClientRow | undefined;
    try {
      const link = await openSshLink(
        this.deps,
        address,
        privateKey,
        async (hello, nonce) => {
          const introduction = introduce(hello, nonce, sshLocation(address));
          refuseOtherContract(introduction.contract);
          before = await findClientByHwid(db, hello.hwid);
          added = await insertSshClient(db, { ...introduction, name }, { address, privateKey, by }, vault);
          return added;
        },
        signal,
      );
      this.keep(link.clientId, link);
      return link.clientId;
    } catch (error) {
      if (added !== undefined) await this.forget(added.id, before);
      throw error;
    }
  }

  private async forget(id: number, before: ClientRow | undefined): Promise<void> {
    try {
      await this.deps.registry.hasLeft(id);
      await forgetSshClient(this.deps.db, id, before);
      this.deps.changes.announce('clients', [id]);
    } catch (error) {
      this.deps.log.error({ clientId: id, reason: messageOf(error) }, 'a client that was not reached stays recorded');
    }
  }
}
