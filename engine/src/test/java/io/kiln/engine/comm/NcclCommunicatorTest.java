package io.kiln.engine.comm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.time.Duration;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

class NcclCommunicatorTest {
  @Test
  void without_a_gpu_it_says_what_is_missing_in_one_line() {
    assumeFalse(torch.cuda_is_available());
    try (StoreServer store = StoreServer.open("127.0.0.1")) {
      Membership membership =
          new Membership(0, 2, "127.0.0.1", store.address(), "nccl/0", Duration.ofSeconds(5));
      CommunicationException e =
          assertThrows(
              CommunicationException.class, () -> Rendezvous.join(membership, Transport.NCCL));
      assertTrue(e.getMessage().startsWith("rank 0: NCCL "), e.getMessage());
      assertTrue(e.getMessage().contains("build profile gpu"), e.getMessage());
      assertEquals(1, e.getMessage().lines().count());
    }
  }
}
