import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../shared/node/atomic-file.ts';
import { TransformKeys } from './transform/key-store.ts';
import { loadOrCreateIdentity, readIfThere, type TlsIdentity } from '../shared/node/tls.ts';
import { type AgentConfig, configPath, loadConfig, type ManagerAddress } from './agent-config.ts';

export interface AgentIdentity {
  folder: string;
  config: AgentConfig;
  tls: TlsIdentity;
  /** Ed25519, signs manifests. */
  signKey: KeyObject;
  /** Raw 32 bytes, base64. */
  publicSignKey: string;
  transformKeys: TransformKeys;
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
  await writeFileAtomic(configPath(folder), `${JSON.stringify(config, undefined, 2)}\n`);
  return loadAgent(folder);
}

/** @throws AppError notFound when `init` was not run, invalidValue when agent.json is damaged */
export async function loadAgent(folder: string): Promise<AgentIdentity> {
  const config = await loadConfig(folder);
  const signKey = await loadOrCreateSignKey(folder);
  const tls = await loadOrCreateIdentity(folder, config.name);
  const transformKeys = await TransformKeys.open(folder);
  return { folder, config, tls, signKey, publicSignKey: rawPublicKey(signKey).toString('base64'), transformKeys };
}
