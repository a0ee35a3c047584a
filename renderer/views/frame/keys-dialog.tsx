import { Modal } from '@mantine/core';
import { useText } from '../../text/use-text.ts';
import { places } from './places.ts';

/** The list of keys. */
export function KeysDialog({ onClose }: { readonly onClose: () => void }) {
  const { t } = useText();
  const keys: readonly (readonly [string, string])[] = [
    ['Ctrl K', t('keys.palette')],
    ['/', t('keys.search')],
    ['?', t('keys.list')],
    ...places.map(({ id, key }) => [`g ${key}`, t(`place.${id}`)] as const),
    ['j k ↑ ↓', t('keys.rows')],
    ['Enter', t('keys.open')],
    ['← →', t('keys.fold')],
    ['Shift F10', t('keys.menu')],
    ['r', t('keys.run')],
    ['Del', t('keys.remove')],
    ['Ctrl Enter', t('keys.apply')],
    ['Esc', t('keys.close')],
  ];
  return (
    <Modal
      opened
      onClose={onClose}
      title={t('frame.keys')}
      size={480}
      centered
      transitionProps={{ duration: 0 }}
      lockScroll={false}
      attributes={{ header: { role: 'none' } }}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <dl className="kv">
        {keys.map(([key, what]) => (
          <div key={key} style={{ display: 'contents' }}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd className="t1">{what}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
