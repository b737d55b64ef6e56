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
      Membership membership = membership(store, "cuda:0");
      CommunicationException e =
          assertThrows(
              CommunicationException.class, () -> Rendezvous.join(membership, Transport.NCCL));
      assertTrue(e.getMessage().startsWith("rank 0: NCCL "), e.getMessage());
      assertTrue(e.getMessage().contains("build profile gpu"), e.getMessage());
      assertEquals(1, e.getMessage().lines().count());
    }
  }

  private static Membership membership(StoreServer store, String device) {
    return new Membership(
        0, 2, "127.0.0.1", store.address(), "nccl/0", Duration.ofSeconds(5), device);
  }

  @Test
  void a_rank_without_a_gpu_of_its_own_is_refused() {
    try (StoreServer store = StoreServer.open("127.0.0.1")) {
      CommunicationException e =
          assertThrows(
              CommunicationException.class,
              () -> Rendezvous.join(membership(store, "cpu"), Transport.NCCL));
      assertTrue(e.getMessage().contains("computes on the processor"), e.getMessage());
      assertTrue(e.getMessage().contains("cuda:0"), e.getMessage());
    }
  }
}
