import { useForm } from '@mantine/form';
import type { PoolView } from '../../../shared/contract/engine/pools.ts';
import { FormDrawer } from '../../components/form-drawer.tsx';
import { useCommand } from '../../store/use-command.ts';
import { useText } from '../../text/use-text.ts';
import { toWriteOptions, WriteFields, type WriteValues, writeValues } from './write-fields.tsx';

/** Changes how new backups are written into a pool. */
export function PoolWriteForm({ pool, onClose }: { readonly pool: PoolView; readonly onClose: () => void }) {
  const { t } = useText();
  const form = useForm<WriteValues>({ initialValues: writeValues(pool.write) });
  const edit = useCommand('pools.edit');
  const save = async (values: WriteValues) => {
    const outcome = await edit.run({ pool: String(pool.id), write: toWriteOptions(values) });
    if (outcome.ok) onClose();
  };
  return (
    <FormDrawer
      title={pool.name}
      isBusy={edit.isRunning}
      problems={0}
      error={edit.error}
      errorTitle={t('failed.editPool')}
      onApply={() => form.onSubmit((values) => void save(values))()}
      onCancel={onClose}
    >
      <WriteFields form={form} />
      <section className="fs">
        <p className="help">{t('pool.writingKeeps')}</p>
      </section>
    </FormDrawer>
  );
}
