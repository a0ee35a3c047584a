import {
  type Api,
  type BaseQueryFn,
  type coreModuleName,
  createApi,
  type QueryDefinition,
  type reactHooksModuleName,
} from '@reduxjs/toolkit/query/react';
import { type EngineContract, engineContract } from '../../shared/contract/engine/all.ts';
import {
  type Method,
  type MethodName,
  type ParamsIn,
  type ResultOut,
  type Topic,
  topics,
} from '../../shared/contract/method.ts';
import { toWireError, type WireError } from '../../shared/errors.ts';
import type { EngineLink } from '../connection/engine-link.ts';

type OfKind<Kind extends Method['kind']> = {
  [K in MethodName<EngineContract>]: EngineContract[K]['kind'] extends Kind ? K : never;
}[MethodName<EngineContract>];

/** Methods that only read: each is a cached query of the store. */
export type QueryName = OfKind<'query'>;
/** Methods that change something or start tasks. */
export type CommandName = OfKind<'command' | 'job'>;
export type Params<K extends MethodName<EngineContract>> = ParamsIn<EngineContract[K]>;
export type Result<K extends MethodName<EngineContract>> = ResultOut<EngineContract[K]>;

/** What thunks and queries of the store may reach. */
export interface Reach {
  readonly link: EngineLink;
}

export interface Call {
  readonly method: QueryName;
  readonly params: Params<QueryName>;
}
export type EngineQuery = BaseQueryFn<Call, unknown, WireError>;

const engineQuery: EngineQuery = async ({ method, params }, { extra, signal, dispatch }) => {
  try {
    return { data: await readWhole((extra as Reach).link, method, params, signal) };
  } catch (error) {
    const wire = toWireError(error);
    // The session has ended: who is signed in is asked again, and the way in is shown.
    if (wire.code === 'notSignedIn') dispatch(engineApi.util.invalidateTags(['session']));
    return { error: wire };
  }
};

/** Lists that the page shows as a whole, though they travel in pages. */
const wholeLists: readonly QueryName[] = ['objects.list'];

async function readWhole(link: EngineLink, method: QueryName, params: Params<QueryName>, signal: AbortSignal) {
  const first = await link.call(method, params, { signal });
  if (!wholeLists.includes(method) || !('rows' in first && 'cursor' in first) || first.cursor === undefined)
    return first;
  const { rows, total } = first;
  let { cursor } = first as { cursor: string | undefined };
  const all: unknown[] = [...rows];
  while (cursor !== undefined) {
    const next: Result<'objects.list'> = await link.call('objects.list', { ...params, cursor }, { signal });
    all.push(...next.rows);
    cursor = next.cursor;
  }
  return { rows: all, total };
}

type Endpoints = { [K in QueryName]: QueryDefinition<Params<K>, EngineQuery, Topic, Result<K>, 'engine'> };

/**
 * The store's cache of the engine: one query per reading method of the contract, tagged with the topics it reads.
 * Commands are not kept here (see use-command.ts): the store remembers arguments, and some of theirs are secret.
 */
export const engineApi: Api<
  EngineQuery,
  Endpoints,
  'engine',
  Topic,
  typeof coreModuleName | typeof reactHooksModuleName
> = createApi({
  reducerPath: 'engine',
  baseQuery: engineQuery,
  tagTypes: topics,
  keepUnusedDataFor: 300,
  endpoints: (build) => {
    const queries = Object.entries<Method>(engineContract).filter(([, method]) => method.kind === 'query');
    const made = queries.map(([name, method]) => [
      name,
      build.query<unknown, Params<QueryName>>({
        query: (params) => ({ method: name as QueryName, params }),
        providesTags: [...method.topics],
      }),
    ]);
    return Object.fromEntries(made) as Endpoints;
  },
});
