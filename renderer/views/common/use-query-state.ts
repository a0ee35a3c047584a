import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router';

export interface QueryState {
  /** Value of a parameter of the address; empty when absent. */
  get(key: string): string;
  /** The same as a number; undefined when absent or none. */
  getId(key: string): number | undefined;
  /** Changes parameters; null and empty remove one. Filters replace the address, selections too: Back leaves the page. */
  set(patch: Readonly<Record<string, string | number | null>>): void;
  /** The address with a change, for links. */
  link(patch: Readonly<Record<string, string | number | null>>): string;
}

function patched(params: URLSearchParams, patch: Readonly<Record<string, string | number | null>>): URLSearchParams {
  const next = new URLSearchParams(params);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null || value === '') next.delete(key);
    else next.set(key, String(value));
  }
  return next;
}

/** Filter, sort and selection of a view live in the query of its address (DESIGN §8). */
export function useQueryState(): QueryState {
  const [params, setParams] = useSearchParams();
  const set = useCallback<QueryState['set']>(
    (patch) => setParams((before) => patched(before, patch), { replace: true }),
    [setParams],
  );
  return useMemo(
    () => ({
      get: (key) => params.get(key) ?? '',
      getId: (key) => {
        const id = Number(params.get(key) ?? '');
        return Number.isSafeInteger(id) && id > 0 ? id : undefined;
      },
      set,
      link: (patch) => `?${patched(params, patch).toString()}`,
    }),
    [params, set],
  );
}
