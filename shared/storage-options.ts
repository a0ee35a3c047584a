/** The options that say where a repository lies and what opens the way to it, by the name that commander gives them. */
export const storageOptions = {
  path: ['--path <folder>', 'local: absolute path on the client: absent, empty, or a restic repository'],
  url: ['--url <url>', 'sftp://USER@HOST:PORT/PATH (one slash: below the home, two: absolute), http(s)://HOST:PORT/…'],
  keyFile: ['--key-file <file>', 'sftp: private key'],
  hostKey: ['--host-key <fingerprint>', 'sftp: SHA256:… of the host key'],
  user: ['--user <user>', 'rest'],
  accessKey: ['--access-key <key>', 's3'],
  secretFile: ['--secret-file <file>', 'rest: password; s3: secret key'],
  region: ['--region <region>', 's3'],
  fingerprint: ['--fingerprint <fingerprint>', 'rest: SHA256:… of a self-signed certificate'],
  caFile: ['--ca-file <file>', 's3: certificate of the authority, PEM'],
} as const satisfies Record<string, readonly [flags: string, help: string]>;

type StorageOption = keyof typeof storageOptions;

/** What was given of them. */
export type StorageFlags = { -readonly [Name in StorageOption]?: string };

const names = Object.keys(storageOptions) as StorageOption[];

/** Those of an address that is given otherwise. */
export const openingOptions: readonly StorageOption[] = names.filter((name) => name !== 'path' && name !== 'url');

/** A command of commander, which this floor does not know. */
interface Options {
  option(flags: string, help: string): this;
}

/** Declares the options. @param wanted default: all */
export function addStorageOptions<T extends Options>(command: T, wanted: readonly StorageOption[] = names): T {
  return wanted.reduce((extended, name) => {
    const [flags, help] = storageOptions[name];
    return extended.option(flags, help);
  }, command);
}

/** Whether any of them was given. */
export function hasStorageOption(flags: StorageFlags): boolean {
  return names.some((name) => flags[name] !== undefined);
}

/** The option that a field of a storage comes from, for messages; undefined = from its address. */
export function optionOfField(field: string): string | undefined {
  const wanted = field === 'caCertificate' ? 'caFile' : field;
  const found = openingOptions.find((name) => name === wanted);
  return found && storageOptions[found][0].split(' ')[0];
}
