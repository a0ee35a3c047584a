import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { messageOf } from '../../../shared/errors.ts';
import { sendFile, sendListing } from './download.ts';
import { Refusal } from './refusal.ts';
import { type FileId, ServedRepository, taken } from './served-repository.ts';
import type { SignIn } from './sign-in.ts';
import { parseTarget, type Target } from './target.ts';
import { announcedBytes, receiveBody } from './upload.ts';

/** Locks, keys and the config are small; only packs, indexes and snapshots are not. */
const smallBytes = 1024 * 1024;
const dayMs = 24 * 3600 * 1000;
/** Repositories whose leftovers were removed since the start. */
const mostTidied = 10_000;

export interface RequestRules {
  /** Absolute. */
  folder: string;
  /** Undefined = everybody may. */
  signIn: SignIn | undefined;
  /** Nothing is removed but locks, and nothing is ever replaced. */
  appendOnly: boolean;
  /** A user reaches only what lies in the folder of the same name. */
  isPrivate: boolean;
  maxFileBytes: number;
  verifyUploads: boolean;
  log: (line: string) => void;
}

/** Answers the requests of restic's REST protocol ("REST Backend" in restic's reference). */
export class Requests {
  readonly #rules: RequestRules;
  readonly #tidied = new Set<string>();

  constructor(rules: RequestRules) {
    this.#rules = rules;
  }

  /** @throws Refusal, or what the file system says */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const user = await this.#rules.signIn?.user(request);
    const target = parseTarget(request.url ?? '');
    if (this.#rules.isPrivate && (user === undefined || target.repository[0] !== user))
      throw new Refusal(403, 'this repository is not yours');
    const repository = new ServedRepository(join(this.#rules.folder, ...target.repository));
    switch (request.method) {
      case 'GET':
      case 'HEAD':
        return this.#read(request, response, repository, target);
      case 'POST':
        return this.#write(request, response, repository, target);
      case 'DELETE':
        await this.#remove(repository, target, user);
        return done(response);
      default:
        throw new Refusal(405, 'not a method of this protocol', { Allow: 'GET, HEAD, POST, DELETE' });
    }
  }

  async #read(request: IncomingMessage, response: ServerResponse, repository: ServedRepository, target: Target) {
    if (target.kind === 'repository') throw notAllowed();
    if (target.kind === 'listing') {
      if (!(await repository.exists())) throw new Refusal(404, 'there is no repository here');
      await sendListing(request, response, repository.list(target.type));
      return;
    }
    const { file, sizeBytes } = await repository.open(fileOf(target));
    await sendFile(request, response, file, sizeBytes);
  }

  async #write(request: IncomingMessage, response: ServerResponse, repository: ServedRepository, target: Target) {
    if (target.kind === 'repository' && target.isCreation) await repository.prepare();
    else if (target.kind === 'file' || target.kind === 'config') await this.#store(request, repository, fileOf(target));
    else throw notAllowed();
    this.#tidy(repository, target.repository.join('/'));
    done(response);
  }

  async #store(request: IncomingMessage, repository: ServedRepository, id: FileId): Promise<void> {
    const { appendOnly, maxFileBytes, verifyUploads } = this.#rules;
    const isSmall = id.type === 'config' || id.type === 'lock' || id.type === 'key';
    const announced = announcedBytes(request, isSmall ? Math.min(smallBytes, maxFileBytes) : maxFileBytes);
    // The same content under the name of its hash may be written again: that heals a file the disk has damaged.
    const mayReplace = id.type !== 'config' && !appendOnly;
    if (!mayReplace && (await repository.has(id))) throw taken();
    const expected = verifyUploads && id.type !== 'config' ? id.name : undefined;
    await repository.store(id, mayReplace, (file) => receiveBody(request, file, announced, expected));
  }

  async #remove(repository: ServedRepository, target: Target, user: string | undefined): Promise<void> {
    if (target.kind !== 'file' && target.kind !== 'config') throw notAllowed();
    const isLock = target.kind === 'file' && target.type === 'lock';
    if (this.#rules.appendOnly && !isLock) {
      const what = [...target.repository, target.kind === 'file' ? target.type : 'config'].join('/');
      this.#rules.log(`append-only: refused to remove from ${what}${user === undefined ? '' : ` for ${user}`}`);
      throw new Refusal(403, 'the server is append-only');
    }
    await repository.remove(fileOf(target));
  }

  /** Once per repository and start, in the background: nobody waits for what a power cut left behind. */
  #tidy(repository: ServedRepository, name: string): void {
    if (this.#tidied.has(name) || this.#tidied.size >= mostTidied) return;
    this.#tidied.add(name);
    repository.removeTemporaryFiles(dayMs).then(
      (count) => count > 0 && this.#rules.log(`${name}: removed ${count} unfinished uploads`),
      (error: unknown) => this.#rules.log(`${name}: unfinished uploads stay: ${messageOf(error)}`),
    );
  }
}

function fileOf(target: Extract<Target, { kind: 'file' | 'config' }>): FileId {
  return target.kind === 'config' ? { type: 'config' } : { type: target.type, name: target.name };
}

function done(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Length': 0 }).end();
}

function notAllowed(): Refusal {
  return new Refusal(405, 'not possible with this address');
}
