import { useCallback, useLayoutEffect, useMemo, useRef } from 'react';
import { useSearchParams } from 'react-router';

export interface QueryState {
  /** Value of a parameter of the address; empty when absent. */
  readonly get: (key: string) => string;
  /** The same as a number; undefined when absent or none. */
  readonly getId: (key: string) => number | undefined;
  /** Changes parameters; null and empty remove one. Filters replace the address, selections too: Back leaves the page. */
  readonly set: (patch: Readonly<Record<string, string | number | null>>) => void;
  /** The address with a change, for links. */
  readonly link: (patch: Readonly<Record<string, string | number | null>>) => string;
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
  // What finishes later (a command that was awaited) must patch the address of then, and none after the view is gone.
  const latest = useRef<{ params: URLSearchParams; setParams: typeof setParams } | undefined>(undefined);
  useLayoutEffect(() => {
    latest.current = { params, setParams };
    return () => {
      latest.current = undefined;
    };
  }, [params, setParams]);
  const set = useCallback<QueryState['set']>((patch) => {
    const now = latest.current;
    now?.setParams(patched(now.params, patch), { replace: true });
  }, []);
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
