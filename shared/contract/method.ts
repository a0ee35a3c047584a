import type { z } from 'zod';
import type { Right } from '../model/user.ts';

/** What a notice can be about; a query names the topics whose change makes its answer old. */
export const topics = [
  'session',
  'clients',
  'groups',
  'platforms',
  'objects',
  'pools',
  'rules',
  'tasks',
  'progress',
  'backups',
  'logs',
] as const;
export type Topic = (typeof topics)[number];

/** query: reads. command: changes. job: starts tasks and answers with their numbers. */
export type MethodKind = 'query' | 'command' | 'job';

/** One method, declared once; dispatcher, client, store, CLI and fakes are derived from it. */
export interface Method<P extends z.ZodType = z.ZodType, R extends z.ZodType = z.ZodType> {
  readonly kind: MethodKind;
  readonly right: Right;
  readonly params: P;
  readonly result: R;
  /** Topics a query reads, or a command touches. */
  readonly topics: readonly Topic[];
}

export type Contract = Readonly<Record<string, Method>>;
export type MethodName<C extends Contract> = keyof C & string;
/** What a caller gives. */
export type ParamsIn<M extends Method> = z.input<M['params']>;
/** What a handler gets: defaults filled in, secrets wrapped. */
export type ParamsOut<M extends Method> = z.output<M['params']>;
/** What a handler gives. */
export type ResultIn<M extends Method> = z.input<M['result']>;
/** What a caller gets. */
export type ResultOut<M extends Method> = z.output<M['result']>;

interface Declared<P extends z.ZodType, R extends z.ZodType> {
  right: Right;
  params: P;
  result: R;
  topics?: readonly Topic[];
}

function declare<K extends MethodKind, P extends z.ZodType, R extends z.ZodType>(kind: K, method: Declared<P, R>) {
  return { kind, topics: [], ...method } as const;
}

/** Declares a method that only reads. */
export function query<P extends z.ZodType, R extends z.ZodType>(method: Declared<P, R>) {
  return declare('query', method);
}

/** Declares a method that changes something at once. */
export function command<P extends z.ZodType, R extends z.ZodType>(method: Declared<P, R>) {
  return declare('command', method);
}

/** Declares a method that starts tasks. */
export function job<P extends z.ZodType, R extends z.ZodType>(method: Declared<P, R>) {
  return declare('job', method);
}

/** What every handler is told about the call besides its parameters. */
export interface CallControl {
  readonly signal: AbortSignal;
  /** Sends a progress value (0 to 100) to a caller that asked for it. */
  progress(percent: number): void;
}

/** One handler per method, named as the method; a missing one does not compile. */
export type Handlers<C extends Contract, Context> = {
  readonly [K in MethodName<C>]: (
    params: ParamsOut<C[K]>,
    context: Context,
    control: CallControl,
  ) => Promise<ResultIn<C[K]>>;
};
