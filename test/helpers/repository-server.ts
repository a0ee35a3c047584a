import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { onTestFinished } from 'vitest';
import { makePasswordLine } from '../../agent/exports/serve-repo/password-line.ts';
import {
  type RepositoryServer,
  type RepositoryServerOptions,
  startRepositoryServer,
} from '../../agent/exports/serve-repo/server.ts';
import { type RestOptions, RestStorage } from '../../agent/repository/storage/rest.ts';
import { temporaryFolder } from './temporary-folder.ts';

export const restUser = 'alice';
export const restSecret = 'wonderland';

let made: Promise<{ key: string; cert: string }> | undefined;

/** A self-signed certificate for 127.0.0.1, made once per test file. */
export function testCertificate(): Promise<{ key: string; cert: string }> {
  made ??= generate([{ name: 'commonName', value: 'holdfast test' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() - 86_400_000),
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  }).then(({ private: key, cert }) => ({ key, cert }));
  return made;
}

/** A users file with one user, written once per test. */
export async function usersFile(...users: string[]): Promise<string> {
  const path = join(await temporaryFolder(), 'users');
  const lines = await Promise.all(users.map((user) => makePasswordLine(user, restSecret)));
  await writeFile(path, `# users\n\n${lines.join('\n')}\n`, { mode: 0o600 });
  return path;
}

export interface TestServer extends RepositoryServer {
  /** The served folder. */
  folder: string;
  /** What the server said. */
  lines: string[];
}

/** Our own server over a new folder, https unless told otherwise. Ends with the test. */
export async function startTestServer(options: Partial<RepositoryServerOptions> = {}): Promise<TestServer> {
  const folder = options.folder ?? (await temporaryFolder());
  const lines: string[] = [];
  const server = await startRepositoryServer({
    ...{ folder, listen: { host: '127.0.0.1', port: 0 }, log: (line) => lines.push(line) },
    tls: await testCertificate(),
    ...options,
  });
  onTestFinished(() => server.stop());
  return { ...server, folder, lines };
}

/** A server without TLS. */
export async function startPlainServer(options: Partial<RepositoryServerOptions> = {}): Promise<TestServer> {
  const folder = await temporaryFolder();
  const lines: string[] = [];
  const listen = { host: '127.0.0.1', port: 0 };
  const server = await startRepositoryServer({ folder, listen, log: (line) => lines.push(line), ...options });
  onTestFinished(() => server.stop());
  return { ...server, folder, lines };
}

/** A storage for a repository on a server; closed before the server is. */
export function restStorageOn(
  { url, fingerprint }: Pick<RepositoryServer, 'url' | 'fingerprint'>,
  change: Partial<RestOptions> = {},
): RestStorage {
  const storage = new RestStorage({
    url: `${url}repository/`,
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...change,
  });
  onTestFinished(() => storage.close());
  return storage;
}
