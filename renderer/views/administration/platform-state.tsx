import type { PlatformView } from '../../../shared/contract/engine/platforms.ts';
import { State } from '../../components/state.tsx';
import { useText } from '../../text/use-text.ts';

/** Whether a platform could be read, as icon and word. */
export function PlatformState({ platform }: { readonly platform: PlatformView }) {
  const { t } = useText();
  if (platform.lastError !== null)
    return (
      <State tone="failed" title={platform.lastError}>
        {t('platform.unread')}
      </State>
    );
  if (!platform.clients.some(({ state }) => state === 'online'))
    return <State tone="degraded">{t('platform.noOnline')}</State>;
  return <State tone="copied">{t('platform.read')}</State>;
}
