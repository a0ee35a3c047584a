import { useMemo } from 'react';
import type { GroupView } from '../../../shared/contract/engine/groups.ts';
import { noGroupId } from '../../../shared/model/group.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';

/** The client groups; "No group" is called so in the operator's language. */
export function useGroups() {
  const { t } = useText();
  const { data, error, isLoading } = useEngine('groups.list', {});
  const none = t('group.none');
  const rows = useMemo(
    (): GroupView[] | undefined => data?.rows.map((row) => (row.id === noGroupId ? { ...row, name: none } : row)),
    [data, none],
  );
  return { rows, error, isLoading };
}
