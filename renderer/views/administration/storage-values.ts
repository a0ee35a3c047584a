import {
  type StorageAddress,
  type StorageKind,
  storageTargetSchema,
  type StorageTargetInput,
} from '../../../shared/model/storage.ts';

/** Where a pool lies, as a form holds it: every field a string, empty = not given. */
export interface StorageValues {
  kind: string;
  path: string;
  url: string;
  hostKey: string;
  user: string;
  fingerprint: string;
  accessKey: string;
  region: string;
  caCertificate: string;
  credential: string;
}

export const emptyStorage: StorageValues = {
  kind: 'local',
  path: '',
  url: '',
  hostKey: '',
  user: '',
  fingerprint: '',
  accessKey: '',
  region: 'us-east-1',
  caCertificate: '',
  credential: '',
};

export type StorageFieldName = Exclude<keyof StorageValues, 'kind'>;

/** A field of a kind of storage. */
export interface StorageField {
  readonly name: StorageFieldName;
  readonly isRequired: boolean;
}

/** Fields of each kind in order; those with `!` must be given. */
const fieldsOf: Record<string, readonly string[]> = {
  local: ['path!'],
  sftp: ['url!', 'hostKey!', 'credential!'],
  rest: ['url!', 'user', 'credential', 'fingerprint'],
  s3: ['url!', 'accessKey!', 'credential!', 'region!', 'caCertificate'],
} satisfies Record<StorageKind, ReadonlyArray<StorageFieldName | `${StorageFieldName}!`>>;

/** The fields of a kind in order. @param isStored a pool that is there keeps the credential that is not given anew */
export function storageFields(kind: string, isStored = false): StorageField[] {
  return (fieldsOf[kind] ?? []).map((field) => {
    const name = field.replace('!', '') as StorageFieldName;
    return { name, isRequired: field.endsWith('!') && !(isStored && name === 'credential') };
  });
}

/** What a form of a pool that is there begins with; what opens it never leaves the engine. */
export function storageValues(address: StorageAddress): StorageValues {
  const texts = Object.entries(address).map(([name, value]) => [name, value ?? '']);
  return { ...emptyStorage, ...(Object.fromEntries(texts) as Partial<StorageValues>) };
}

/** The storage as the contract wants it; checked by its own schema. */
export function toStorage(values: StorageValues): StorageTargetInput {
  const given = (text: string) => (text.trim() === '' ? null : text.trim());
  const fields = storageFields(values.kind).map(({ name }) => {
    const value = given(values[name]);
    return [name, name === 'credential' && values.kind === 'sftp' && value !== null ? `${value}\n` : value];
  });
  return { kind: values.kind, ...Object.fromEntries(fields) } as StorageTargetInput;
}

/** Names of the fields that are missing, or that the schema of the kind finds wrong. */
export function storageProblems(values: StorageValues, isStored = false): StorageFieldName[] {
  const missing = storageFields(values.kind, isStored).filter(
    ({ name, isRequired }) => isRequired && values[name].trim() === '',
  );
  const parsed = storageTargetSchema.safeParse(toStorage(values));
  const wrong = parsed.success ? [] : parsed.error.issues.map(({ path }) => String(path[0]) as StorageFieldName);
  return [...new Set([...missing.map(({ name }) => name), ...wrong])];
}

/** Names of the fields in which a form differs from what is stored. */
export function changedFields(address: StorageAddress, values: StorageValues): StorageFieldName[] {
  const before = storageValues(address);
  return storageFields(values.kind)
    .map(({ name }) => name)
    .filter((name) => values[name].trim() !== before[name].trim());
}
