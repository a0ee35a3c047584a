import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../shared/errors.ts';
import { writeFileAtomic } from '../shared/node/atomic-file.ts';
import { loadOrCreateIdentity, readIfThere, type TlsIdentity } from '../shared/node/tls.ts';

/** Where an agent lives when nothing else is said; the console's hints name commands without --data. */
export const defaultAgentFolder = '/var/lib/holdfast-agent';

/** agent.json (DETAILS 11). */
const configSchema = z
  .object({
    name: z.string().min(1),
    hwid: z.string(),
    /** Without one this agent waits for an engine that comes over SSH (DESIGN §4). */
    manager: z.url({ protocol: /^wss$/u }).optional(),
    /** Pinned certificate of the manager. */
    fingerprint: z.string().optional(),
    /** Of a local agent: read before dialling, since the engine's port may have moved (DETAILS 14). */
    engineFile: z.string().optional(),
  })
  .refine(({ manager, fingerprint }) => (manager === undefined) === (fingerprint === undefined));
export type AgentConfig = z.output<typeof configSchema>;

/** Whom an agent dials, and the certificate it insists on. */
export interface ManagerAddress {
  url: string;
  fingerprint: string;
}

export interface AgentIdentity {
  folder: string;
  config: AgentConfig;
  tls: TlsIdentity;
  /** Ed25519, signs manifests. */
  signKey: KeyObject;
  /** Raw 32 bytes, base64. */
  publicSignKey: string;
}

/** Ed25519 keys in DER end with their 32 raw bytes (RFC 8410). */
function rawPublicKey(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-32);
}

async function loadOrCreateSignKey(folder: string): Promise<KeyObject> {
  const path = join(folder, 'sign.key');
  const known = await readIfThere(path);
  if (known !== undefined) return createPrivateKey(known);
  const { privateKey } = generateKeyPairSync('ed25519');
  await writeFileAtomic(path, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return privateKey;
}

/** HWID: of the machine and of the key, so that two agents of one machine differ and a copied key is noticed. */
async function hardwareId(signKey: KeyObject): Promise<string> {
  const machine = (await readIfThere('/etc/machine-id')) ?? (await readIfThere('/var/lib/dbus/machine-id')) ?? '';
  const hex = createHash('sha256').update(machine.trim()).update(rawPublicKey(signKey)).digest('hex');
  return (hex.slice(0, 16).match(/.{4}/gu) ?? []).join('-');
}

export interface InitOptions {
  folder: string;
  name: string;
  /** undefined: the engine comes over SSH. */
  manager: ManagerAddress | undefined;
  engineFile?: string | undefined;
}

/** Makes the agent's folder with keys and HWID, or points an existing one to another manager, or to none. */
export async function initAgent(options: InitOptions): Promise<AgentIdentity> {
  const { folder, name, manager, engineFile } = options;
  await mkdir(join(folder, 'log'), { recursive: true, mode: 0o700 });
  await mkdir(join(folder, 'journal'), { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const signKey = await loadOrCreateSignKey(folder);
  const hwid = await hardwareId(signKey);
  const config: AgentConfig = {
    name,
    hwid,
    ...(manager === undefined ? {} : { manager: manager.url, fingerprint: manager.fingerprint }),
    ...(engineFile === undefined ? {} : { engineFile }),
  };
  await writeFileAtomic(join(folder, 'agent.json'), `${JSON.stringify(config, undefined, 2)}\n`);
  return loadAgent(folder);
}

/** @throws AppError notFound when `init` was not run, invalidValue when agent.json is damaged */
export async function loadAgent(folder: string): Promise<AgentIdentity> {
  const path = join(folder, 'agent.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new AppError('notFound', `there is no agent in ${folder}`, {
      hint: 'Run holdfast-agent init --data FOLDER first.',
      cause: error,
    });
  }
  const config = parseConfig(path, text);
  const signKey = await loadOrCreateSignKey(folder);
  const tls = await loadOrCreateIdentity(folder, config.name);
  return { folder, config, tls, signKey, publicSignKey: rawPublicKey(signKey).toString('base64') };
}

/** undefined when this agent waits for an engine that comes over SSH. */
export function managerOf({ manager, fingerprint }: AgentConfig): ManagerAddress | undefined {
  return manager === undefined || fingerprint === undefined ? undefined : { url: manager, fingerprint };
}

function parseConfig(path: string, text: string): AgentConfig {
  try {
    return configSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new AppError('invalidValue', `${path} is damaged`, { hint: 'Run holdfast-agent init again.', cause: error });
  }
}
