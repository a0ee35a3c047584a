import { Select } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { transformCiphers } from '../../../shared/model/transform.ts';
import { CopyText } from '../../components/copy-text.tsx';
import { FormRow } from '../../components/form-row.tsx';
import { useText } from '../../text/use-text.ts';
import type { RuleFormState } from './rule-form-state.ts';

/** Which cipher makes the disks unreadable before they leave the host, and what that costs. */
export function RuleTransform({ form }: { readonly form: RuleFormState }) {
  const { t } = useText();
  const { transform } = form.values;
  return (
    <section className="fs">
      <h3>{t('rule.transform')}</h3>
      <FormRow label={t('rule.cipher')} help={t('rule.transformHelp')}>
        {(field) => (
          <Select
            {...form.getInputProps('transform')}
            {...field}
            allowDeselect={false}
            data={[
              { value: '', label: t('common.none') },
              ...transformCiphers.map((cipher) => ({ value: cipher, label: t(`transform.${cipher}`) })),
            ]}
          />
        )}
      </FormRow>
      {transform !== '' && (
        <>
          <div className="note">
            <IconAlertTriangle className="ic" aria-hidden />
            <span>{t('rule.transformKey')}</span>
          </div>
          <CopyText text="holdfast-agent keys export --out key.txt" block />
        </>
      )}
    </section>
  );
}
