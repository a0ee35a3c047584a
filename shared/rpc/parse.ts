import type { z } from 'zod';
import type { Method, ParamsOut, ResultOut } from '../contract/method.ts';
import { AppError } from '../errors.ts';

/** One sentence per problem: `field: what is wrong`. */
export function describeIssues(error: z.ZodError): string {
  return error.issues
    .slice(0, 5)
    .map((issue) => (issue.path.length === 0 ? issue.message : `${issue.path.join('.')}: ${issue.message}`))
    .join('; ');
}

/** Checks values from outside. @throws AppError invalidValue naming the field */
export function parseValue<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]?.path.join('.');
  throw new AppError('invalidValue', `${what}: ${describeIssues(parsed.error)}`, {
    field: field === '' ? undefined : field,
  });
}

export function parseParams<M extends Method>(name: string, method: M, params: unknown): ParamsOut<M> {
  return parseValue(method.params, params ?? {}, name) as ParamsOut<M>;
}

/** Unknown fields of a newer far side are dropped; a wrong one is a defect of the far side. @throws AppError incompatible */
export function parseResult<M extends Method>(name: string, method: M, result: unknown): ResultOut<M> {
  const parsed = method.result.safeParse(result);
  if (parsed.success) return parsed.data as ResultOut<M>;
  throw new AppError('incompatible', `the answer of ${name} is not as agreed: ${describeIssues(parsed.error)}`);
}
