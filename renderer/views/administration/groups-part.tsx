import { IconCirclesRelation } from '@tabler/icons-react';
import { noGroupId } from '../../../shared/model/group.ts';
import { useText } from '../../text/use-text.ts';
import { useQueryState } from '../common/use-query-state.ts';
import { useGlobalActions } from '../frame/global-actions.ts';
import { useGroupActions } from './group-actions.ts';
import { useGroupColumns } from './group-columns.tsx';
import { GroupForm } from './group-form.tsx';
import { GroupPanel } from './group-panel.tsx';
import { useGroups } from './use-groups.ts';
import { RecordPart } from './record-part.tsx';

/** Client groups: who shares backups with whom. "No group" alone is shown as none. */
export function GroupsPart() {
  const { t } = useText();
  const query = useQueryState();
  const { rows, error, isLoading } = useGroups();
  const { addGroup } = useGlobalActions();
  const isEditing = query.get('form') === 'edit';
  return (
    <RecordPart
      kind="group"
      title={t('place.groups')}
      icon={IconCirclesRelation}
      emptyTitle={t('group.empty')}
      emptyWhy={t('group.emptyWhy')}
      answer={{ error, isLoading }}
      rows={rows?.every(({ id }) => id === noGroupId) === true ? [] : rows}
      columns={useGroupColumns()}
      actions={useGroupActions()}
      add={addGroup}
      form={(onClose) => <GroupForm onClose={onClose} />}
      panel={(group, onClose) =>
        isEditing ? (
          <GroupForm key={group.id} group={group} onClose={() => query.set({ form: null })} />
        ) : (
          <GroupPanel group={group} onClose={onClose} />
        )
      }
    />
  );
}
