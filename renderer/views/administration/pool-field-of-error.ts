import type { ErrorCode, WireError } from '../../../shared/errors.ts';
import { storageFields } from './storage-values.ts';

/** A place in the form that codes without a field of their own mean; `place` = path or address. */
const fieldOfCode: Partial<Record<ErrorCode, string>> = {
  wrongPassword: 'password',
  clientOffline: 'clients',
  notSameRepository: 'place',
  repositoryDamaged: 'place',
  poolNotReachable: 'place',
  notEmpty: 'place',
  storageDenied: 'place',
  storageFailed: 'place',
  storageFull: 'place',
};

/** The field of a pool's form that an error is about; undefined = none of those that it has. */
export function poolFieldOf({ field, code }: WireError, kind: string): string | undefined {
  const place = kind === 'local' ? 'path' : 'url';
  const known = ['name', 'clients', 'maintenanceClient', 'password', ...storageFields(kind).map(({ name }) => name)];
  // `storage.url` is what the contract calls a field that the form calls `url`.
  const named = field?.split('.').at(-1);
  const wanted = named !== undefined && known.includes(named) ? named : fieldOfCode[code];
  return wanted === 'place' ? place : wanted;
}
