import { IconBox } from '@tabler/icons-react';
import type { Action } from '../../components/action.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { useQueryState } from '../common/use-query-state.ts';
import { useGlobalActions } from '../frame/global-actions.ts';
import { usePlatformActions } from './platform-actions.ts';
import { usePlatformColumns } from './platform-columns.tsx';
import { PlatformForm } from './platform-form.tsx';
import { PlatformPanel } from './platform-panel.tsx';
import { RecordPart } from './record-part.tsx';

/** Platforms: what they are, who reaches them, whether they could be read. */
export function PlatformsPart() {
  const { t } = useText();
  const query = useQueryState();
  const { data, error, isLoading } = useEngine('platforms.list', {});
  const { addPlatform } = useGlobalActions();
  const add: Action = { ...addPlatform, run: () => query.set({ form: 'platform', platform: null }) };
  return (
    <RecordPart
      kind="platform"
      title={t('place.platforms')}
      icon={IconBox}
      emptyTitle={t('platform.empty')}
      emptyWhy={t('platform.emptyWhy')}
      answer={{ error, isLoading }}
      rows={data?.rows}
      columns={usePlatformColumns()}
      actions={usePlatformActions()}
      add={add}
      form={(onClose) => <PlatformForm onClose={onClose} />}
      panel={(platform, onClose) => <PlatformPanel platform={platform} onClose={onClose} />}
    />
  );
}
