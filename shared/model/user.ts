import { z } from 'zod';

/** What a method may need; `none` works before sign-in (DESIGN §4). */
export const rights = ['none', 'view', 'operate', 'restore', 'administer', 'own'] as const;
export type Right = (typeof rights)[number];

export const roleSchema = z.enum(['owner', 'operator', 'restorer', 'auditor', 'viewer']);
export type Role = z.output<typeof roleSchema>;

/** Which rights a role has. An operator runs, but does not change policy. */
export const rightsOfRole: Record<Role, readonly Right[]> = {
  owner: ['none', 'view', 'operate', 'restore', 'administer', 'own'],
  operator: ['none', 'view', 'operate', 'restore'],
  restorer: ['none', 'view', 'restore'],
  auditor: ['none', 'view'],
  viewer: ['none', 'view'],
};
