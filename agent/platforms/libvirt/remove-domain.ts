import { z } from 'zod';
import { AppError, hasCode } from '../../../shared/errors.ts';
import type { Virsh } from './virsh.ts';

/** How the journal names a domain that a restore made; the UUID is new and therefore never another's. */
export const madeDomainSchema = z.object({ uri: z.string(), uuid: z.guid() });

/** Ends and undefines a domain that we defined; its files stay. Nothing happens when there is none. */
export async function removeDomain(virsh: Virsh, uuid: string): Promise<void> {
  try {
    const state = (await virsh.run(['domstate', uuid])).trim();
    if (state !== 'shut off') await tolerant(() => virsh.run(['destroy', uuid]), /domain is not running/iu);
    await virsh.run(['undefine', uuid, '--keep-nvram']);
  } catch (error) {
    if (!hasCode(error, 'objectVanished')) throw error;
  }
}

async function tolerant(run: () => Promise<string>, harmless: RegExp): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof AppError) || !harmless.test(error.message)) throw error;
  }
}
