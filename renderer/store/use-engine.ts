import type { WireError } from '../../shared/errors.ts';
import { engineApi, type Params, type QueryName, type Result } from './engine-api.ts';

/** What a view gets of a query. `data` stays while a newer answer is on its way. */
export interface EngineAnswer<T> {
  readonly data: T | undefined;
  readonly error: WireError | undefined;
  /** True while the first answer is awaited. */
  readonly isLoading: boolean;
  readonly isFetching: boolean;
  /** When `data` arrived, epoch ms. */
  readonly fulfilledTimeStamp?: number | undefined;
  readonly refetch: () => unknown;
}

interface QueryHook<K extends QueryName> {
  readonly useQuery: (params: Params<K>, options: { skip: boolean }) => EngineAnswer<Result<K>>;
}

/** Reads by a method of the contract; the answer is renewed whenever one of its topics changes. */
export function useEngine<K extends QueryName>(
  method: K,
  params: Params<K>,
  options: { skip?: boolean } = {},
): EngineAnswer<Result<K>> {
  const endpoint = engineApi.endpoints[method] as unknown as QueryHook<K>;
  return endpoint.useQuery(params, { skip: options.skip ?? false });
}
