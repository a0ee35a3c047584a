import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError, messageOf } from '../shared/errors.ts';

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

export function configPath(folder: string): string {
  return join(folder, 'agent.json');
}

/** @throws AppError notFound when `init` was not run, invalidValue when agent.json is damaged */
export async function loadConfig(folder: string): Promise<AgentConfig> {
  const path = configPath(folder);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new AppError('invalidValue', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
    throw new AppError('notFound', `there is no agent in ${folder}`, {
      hint: 'Run holdfast-agent init --data FOLDER first.',
      cause: error,
    });
  }
  try {
    return configSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new AppError('invalidValue', `${path} is damaged`, { hint: 'Run holdfast-agent init again.', cause: error });
  }
}

/** undefined when this agent waits for an engine that comes over SSH. */
export function managerOf({ manager, fingerprint }: AgentConfig): ManagerAddress | undefined {
  return manager === undefined || fingerprint === undefined ? undefined : { url: manager, fingerprint };
}
