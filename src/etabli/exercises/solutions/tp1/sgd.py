def sgd_step(w, gradient, learning_rate):
    return w - learning_rate * gradient


def momentum_step(w, velocity, gradient, learning_rate, momentum):
    new_velocity = momentum * velocity + gradient
    new_w = w - learning_rate * new_velocity
    return new_w, new_velocity
