import { memoryPair } from '../../../shared/rpc/memory-channel.ts';
import { channelSuite } from '../../suites/channel-suite.ts';

channelSuite('memory pair', async () => {
  const [left, right] = memoryPair();
  return { left, right, raw: null, close: () => left.close() };
});
