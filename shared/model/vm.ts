import { z } from 'zod';

/** vm.json: our normalised configuration of a VM (DETAILS 3). Sizes in bytes, capturedAt RFC 3339 UTC. */
export const vmConfigurationSchema = z.object({
  format: z.literal(1),
  uuid: z.guid(),
  name: z.string(),
  platformKind: z.string(),
  cpus: z.number().int().nonnegative(),
  memoryBytes: z.number().int().nonnegative(),
  machine: z.string(),
  firmware: z.string(),
  secureBoot: z.boolean(),
  tpm: z.boolean(),
  guestAgent: z.boolean(),
  disks: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      bus: z.string(),
      bootOrder: z.number().int().nullable(),
      format: z.string(),
      sizeBytes: z.number().int().nonnegative(),
      serial: z.string().nullable(),
      sourcePath: z.string(),
    }),
  ),
  nics: z.array(z.object({ id: z.string(), mac: z.string(), model: z.string(), network: z.string() })),
  tags: z.array(z.string()),
  capturedAt: z.string(),
});
export type VmConfiguration = z.output<typeof vmConfigurationSchema>;
export type VmDisk = VmConfiguration['disks'][number];

export const objectStates = ['running', 'paused', 'shutOff', 'crashed', 'file', 'unknown'] as const;

/** One VM as a platform lists it. */
export const inventoryObjectSchema = z.object({
  uuid: z.guid(),
  name: z.string().max(1024),
  /** `file` = an image in a folder, which is neither running nor off. */
  state: z.enum(objectStates),
  guestAgent: z.enum(['connected', 'disconnected', 'none']),
  /** Since when a freeze of ours has not been undone, epoch ms; null = the guest is not frozen by us. */
  frozenSince: z.number().int().nonnegative().nullable().default(null),
  disks: z.array(
    z.object({ id: z.string().max(255), format: z.string().max(64), sizeBytes: z.number().int().nonnegative() }),
  ),
});
export type InventoryObject = z.output<typeof inventoryObjectSchema>;
