import { z } from 'zod';

/** A password or key on its way; it prints as `[secret]` wherever it is logged or serialised by mistake. */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  /** The plain text; call it only where the value is used. */
  reveal(): string {
    return this.#value;
  }
  toJSON(): string {
    return '[secret]';
  }
  toString(): string {
    return '[secret]';
  }
}

/** A secret in a contract: plain text on the wire, a {@link Secret} on the receiving side. */
export function secret(most = 4096) {
  return z
    .string()
    .min(1)
    .max(most)
    .transform((value) => new Secret(value));
}

/** The engine's short number. */
export const idSchema = z.number().int().positive();
/** Number, UUID, unique name (clients also HWID) as an operator types it (DESIGN §9). */
export const refSchema = z.string().trim().min(1).max(1024);
/** Epoch milliseconds UTC. */
export const instantSchema = z.number().int().nonnegative();
export const bytesSchema = z.number().int().nonnegative();
export const uuidSchema = z.guid();
export const hexIdSchema = z.string().regex(/^[0-9a-f]{64}$/u, 'expected 64 hexadecimal digits');
/** A label that people see; no control characters. */
export const nameSchema = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(200, 'must have at most 200 characters')
  .regex(/^[^\p{Cc}]*$/u, 'must not contain control characters');
/** An absolute path on a client without `..` parts. */
export const absolutePathSchema = z
  .string()
  .min(1)
  .max(4096)
  .refine((path) => path.startsWith('/'), 'must be an absolute path, starting with /')
  .refine((path) => !path.split('/').includes('..'), 'must not contain ".."')
  .refine((path) => !path.includes('\0'), 'must not contain a null character');

export const emptySchema = z.object({});
export const checkSchema = z.object({ check: z.string(), ok: z.boolean(), detail: z.string() });
export type Check = z.output<typeof checkSchema>;

/** The answer of every list method. `cursor` is set when more rows follow. */
export function rowsOf<T extends z.ZodType>(row: T) {
  return z.object({ rows: z.array(row), total: z.number().int().nonnegative(), cursor: z.string().optional() });
}

/** Paging of lists that grow without bound: newest first, after `cursor`. */
export const pageSchema = z.object({
  limit: z.number().int().min(1).max(1000).default(200),
  offset: z.number().int().min(0).max(100_000).default(0),
  cursor: z.string().max(100).optional(),
});
