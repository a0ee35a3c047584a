import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import { useText } from '../../text/use-text.ts';
import type { QueryState } from './use-query-state.ts';

/** Rows of one page of a list that grows without bound. */
export const pageSize = 200;

/** Where the page of the address begins. */
export function offsetOf(query: QueryState): number {
  return query.getId('offset') ?? 0;
}

interface Props {
  readonly query: QueryState;
  readonly shown: number;
  readonly total: number;
}

/** `1–200 of 1,284`, with ways back and forth. */
export function Pager({ query, shown, total }: Props) {
  const { t, format } = useText();
  const offset = offsetOf(query);
  const go = (next: number) => query.set({ offset: next <= 0 ? null : next });
  const range = shown === 0 ? format.count(0) : `${format.count(offset + 1)}–${format.count(offset + shown)}`;
  return (
    <span className="row" style={{ gap: 2 }}>
      <span className="tn">{t('common.range', { range, total: format.count(total) })}</span>
      {(offset > 0 || offset + shown < total) && (
        <>
          <button
            type="button"
            className="btn q sm ico"
            aria-label={t('common.newer')}
            title={t('common.newer')}
            disabled={offset === 0}
            onClick={() => go(offset - pageSize)}
          >
            <IconChevronLeft className="ic sm" aria-hidden />
          </button>
          <button
            type="button"
            className="btn q sm ico"
            aria-label={t('common.older')}
            title={t('common.older')}
            disabled={offset + shown >= total}
            onClick={() => go(offset + pageSize)}
          >
            <IconChevronRight className="ic sm" aria-hidden />
          </button>
        </>
      )}
    </span>
  );
}
