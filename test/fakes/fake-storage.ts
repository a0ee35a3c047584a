import { createHash } from 'node:crypto';
import type { AgentContract } from '../../shared/contract/agent/all.ts';
import type { ParamsOut } from '../../shared/contract/method.ts';
import { AppError } from '../../shared/errors.ts';
import { locationOf } from '../../shared/model/storage.ts';

type Target = ParamsOut<AgentContract['pools.prepare']>['repository'];

/** A storage that several fake agents reach: the passwords of its repositories by place, and who opened them. */
export class FakeStorage {
  readonly passwords = new Map<string, string>();
  /** `client number: place`, in order. */
  readonly opened: string[] = [];

  /** As an agent does it. @throws AppError wrongPassword, notFound */
  prepare(clientId: number, { storage, password }: Target, create: boolean) {
    const place = locationOf(storage);
    const known = this.passwords.get(place);
    if (known === undefined && !create) throw new AppError('notFound', `there is no repository at ${place}`);
    if (known !== undefined && known !== password.reveal())
      throw new AppError('wrongPassword', `the password does not open ${place}`);
    this.passwords.set(place, password.reveal());
    this.opened.push(`${clientId}: ${place}`);
    return { repositoryId: idOfPlace(place), created: known === undefined, freeBytes: null, totalBytes: null };
  }
}

/** restic's ID of the repository that a {@link FakeStorage} holds at a place. */
export function idOfPlace(place: string): string {
  return createHash('sha256').update(place).digest('hex');
}
