import { NumberInput, Select } from '@mantine/core';
import type { UseFormReturnType } from '@mantine/form';
import { cellSizes, compressionSchema, verifyWritesSchema, type WriteOptions } from '../../../shared/model/job.ts';
import { FormRow } from '../../components/form-row.tsx';
import { useText } from '../../text/use-text.ts';

/** The options of writing as a form holds them: choices are strings, the rate is MiB per second. */
export interface WriteValues {
  verifyWrites: string;
  compression: string;
  cell: string;
  rate: number | string;
}

const mebibyte = 1024 ** 2;
const automatic = 'auto';

export function writeValues(write: WriteOptions): WriteValues {
  return {
    verifyWrites: write.verifyWrites,
    compression: write.compression,
    cell: write.cellBytes === null ? automatic : String(write.cellBytes),
    rate: write.maxBytesPerSecond === null ? '' : write.maxBytesPerSecond / mebibyte,
  };
}

export function toWriteOptions(values: WriteValues): WriteOptions {
  return {
    verifyWrites: verifyWritesSchema.parse(values.verifyWrites),
    compression: compressionSchema.parse(values.compression),
    cellBytes: values.cell === automatic ? null : Number(values.cell),
    maxBytesPerSecond: values.rate === '' ? null : Math.round(Number(values.rate) * mebibyte),
  };
}

/** How a pool writes its backups. */
export function WriteFields<T extends WriteValues>({ form }: { readonly form: UseFormReturnType<T> }) {
  const { t, format } = useText();
  return (
    <section className="fs">
      <h3>{t('pool.writing')}</h3>
      <FormRow label={t('pool.verifyWrites')} help={t('pool.verifyWritesHelp')}>
        {(field) => (
          <Select
            {...form.getInputProps('verifyWrites')}
            {...field}
            allowDeselect={false}
            data={verifyWritesSchema.options.map((value) => ({ value, label: t(`verifyWrites.${value}`) }))}
          />
        )}
      </FormRow>
      <FormRow label={t('pool.compression')} help={t('pool.compressionHelp')}>
        {(field) => (
          <Select
            {...form.getInputProps('compression')}
            {...field}
            allowDeselect={false}
            data={compressionSchema.options.map((value) => ({ value, label: t(`compression.${value}`) }))}
          />
        )}
      </FormRow>
      <FormRow label={t('pool.cell')} help={t('pool.cellHelp')}>
        {(field) => (
          <Select
            {...form.getInputProps('cell')}
            {...field}
            allowDeselect={false}
            data={[
              { value: automatic, label: t('pool.cellAuto') },
              ...cellSizes.map((bytes) => ({ value: String(bytes), label: format.bytes(bytes) })),
            ]}
          />
        )}
      </FormRow>
      <FormRow label={t('pool.rate')} help={t('pool.rateHelp')}>
        {(field) => (
          <NumberInput
            {...form.getInputProps('rate')}
            {...field}
            min={0.0625}
            placeholder={t('pool.rateNone')}
            suffix={format.speed(mebibyte).replace(/^[\d.,]+/u, '')}
          />
        )}
      </FormRow>
    </section>
  );
}
