import { z } from 'zod';

/** libvirt/KVM: the connection address is libvirt's own URI (https://libvirt.org/uri.html), read on the client. */
export const libvirt = {
  kind: 'libvirt',
  title: 'libvirt / KVM',
  settings: z.object({
    uri: z
      .string()
      .min(1)
      .max(500)
      .regex(/^(qemu|test)(\+[a-z0-9]+)?:\/\/[^\s]*$/u, 'uri must look like qemu:///system'),
    /** How running VMs are read: backup jobs with checkpoints, or external snapshots that are committed afterwards. */
    readPath: z.enum(['backup', 'snapshot']).default('backup'),
  }),
  fields: [
    { key: 'uri', type: 'text', initial: 'qemu:///system' },
    { key: 'readPath', type: 'choice', initial: 'backup', choices: ['backup', 'snapshot'] },
  ],
  canStart: true,
} as const;
