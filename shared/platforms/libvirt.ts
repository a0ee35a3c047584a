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
  }),
  fields: [{ key: 'uri', type: 'text', initial: 'qemu:///system' }],
  canStart: true,
} as const;
